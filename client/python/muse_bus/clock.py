"""Time as a client takes it; tests turn another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

#: Undoes what it was returned for; any number of times.
Cancel = Callable[[], None]


class Clock(Protocol):
    def now(self) -> int:
        """The wall clock: Unix milliseconds."""

    def elapsed(self) -> float:
        """Milliseconds on a clock that nobody sets."""

    def after(self, delay_ms: float, call: Callable[[], None]) -> Cancel:
        """Calls once, after so long, unless cancelled."""


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def elapsed(self) -> float:
        return time.monotonic_ns() / 1_000_000

    def after(self, delay_ms: float, call: Callable[[], None]) -> Cancel:
        return asyncio.get_running_loop().call_later(delay_ms / 1_000, call).cancel
