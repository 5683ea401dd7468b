"""A clock for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..clock import Cancel
from ..swarm import iso_date

#: 2026-01-01T00:00:00Z
_BEGINNING_MS: Final = 1_767_225_600_000


class ManualClock:
    """A clock whose time moves only when a test advances it. It starts at 2026-01-01T00:00:00Z."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._timers: dict[int, tuple[float, Callable[[], None]]] = {}
        self._next_timer = 0
        #: Called whenever it has been advanced.
        self.advanced: Callable[[], None] = lambda: None

    def now(self) -> int:
        return _BEGINNING_MS + int(self._elapsed)

    def elapsed(self) -> float:
        return self._elapsed

    def after(self, delay_ms: float, call: Callable[[], None]) -> Cancel:
        timer = self._next_timer
        self._next_timer += 1
        self._timers[timer] = (self._elapsed + max(0, delay_ms), call)
        return lambda: self._forget(timer)

    def in_future(self, ms: int) -> str:
        """A moment so many milliseconds from now, as records write it."""
        return iso_date(self.now() + ms) or ""

    def advance(self, ms: float) -> None:
        """Lets time pass; every timer fires at its own moment."""
        end = self._elapsed + ms
        while self._timers:
            timer, (at, call) = min(self._timers.items(), key=lambda one: (one[1][0], one[0]))
            if at > end:
                break
            del self._timers[timer]
            self._elapsed = max(self._elapsed, at)
            call()
        self._elapsed = end
        self.advanced()

    def _forget(self, timer: int) -> None:
        self._timers.pop(timer, None)
