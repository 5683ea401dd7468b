"""How a client stands with its bus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .bus_error import BusError


@dataclass(frozen=True)
class Connecting:
    """`attempt` counts from 1 since the last live connection; `delay_ms` is the wait before it."""

    attempt: int
    delay_ms: float
    cause: str | None = None
    state: Literal["connecting"] = "connecting"


@dataclass(frozen=True)
class Live:
    #: Of the first ping, 0 until it is back.
    round_trip_ms: float
    #: The server's wall clock less ours.
    clock_skew_ms: int
    #: How the files are watched, as the last heartbeat says. At an edge `health["origin"]` is `away` while nothing is heard of
    #: the server that has the files.
    health: Mapping[str, Any] | None = None
    state: Literal["live"] = "live"

    @property
    def is_seeing(self) -> bool:
        """Whether everything can be seen, so that what is not known does not exist; never while an edge misses its origin."""
        if self.health is None:
            return True
        state = self.health.get("state")
        if state in ("suspect", "gone") or self.health.get("origin") == "away":
            return False
        return state == "watching" or self.health.get("healthy") is True


@dataclass(frozen=True)
class Stale:
    """Nothing has come for longer than heartbeats allow. `since` in Unix milliseconds."""

    since: int
    cause: str
    state: Literal["stale"] = "stale"


@dataclass(frozen=True)
class Closed:
    error: BusError | None = None
    state: Literal["closed"] = "closed"


Status = Connecting | Live | Stale | Closed
