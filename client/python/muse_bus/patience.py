"""Waiting, also over a sleep of the machine: the rules of protocol/pause.ts and client/sdk/patience.ts in TypeScript."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .clock import Cancel, Clock

#: What is late by less than this is late because the machine is busy.
_PAUSE_BOUND_MS: Final = 5_000
#: A wait looks at the clocks this often, because a timer of some systems stands still while the machine sleeps.
_LOOK_MS: Final = 1_000


@dataclass(frozen=True)
class ClockReading:
    """Both clocks at one moment, in milliseconds: the wall clock, and one that nobody sets."""

    wall: float
    elapsed: float


def pause_ms(before: ClockReading, now: ClockReading, expected_ms: float) -> float:
    """
    For how long the machine slept, or this process was stopped, between two readings that lie `expected_ms` apart for one who
    stays awake; 0 where nothing shows it. Whichever clock went farther counts: the one that nobody sets stands still in a sleep on
    Linux, and goes on elsewhere.
    """
    late_ms = max(now.wall - before.wall, now.elapsed - before.elapsed) - expected_ms
    return late_ms if late_ms > _PAUSE_BOUND_MS else 0


def wait(clock: Clock, delay_ms: float, over: Callable[[], None], woken: Callable[[], float]) -> Cancel:
    """
    Calls `over` after so long. After a sleep it calls `woken`, which says how long to wait from then on. Returns what cancels the
    wait.
    """
    cancel: Cancel

    def look(left_ms: float) -> None:
        nonlocal cancel
        ms = min(left_ms, _LOOK_MS)
        before = _read(clock)

        def looked() -> None:
            now = _read(clock)
            is_woken = pause_ms(before, now, ms) > 0
            rest_ms = woken() if is_woken else left_ms - max(ms, now.elapsed - before.elapsed)
            if rest_ms > 0:
                look(rest_ms)
            else:
                over()

        cancel = clock.after(ms, looked)

    look(delay_ms)
    return lambda: cancel()


def _read(clock: Clock) -> ClockReading:
    return ClockReading(clock.now(), clock.elapsed())
