"""How long to wait before a connection is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a connection is tried again: anything from nothing to a bound that doubles with every attempt."""

    #: The longest wait before the first retry.
    first_ms: float = 250
    #: The longest wait of all.
    longest_ms: float = 15_000

    def delay_ms(self, attempt: int) -> float:
        """`attempt` counts from 1."""
        return random.random() * min(self.longest_ms, self.first_ms * 2.0 ** min(attempt - 1, 30))
