"""What a connection tells a subscription."""

from __future__ import annotations

from typing import Any, Protocol

from .bus_error import BusError
from .event import Origin
from .wire import Message


class Subscriber(Protocol):
    """What a subscription is told by its connection."""

    def request(self) -> dict[str, Any]:
        """The options of the message that subscribes it, from where it is now."""

    def began(self, mode: str, why: str | None) -> None: ...

    def events(self, events: list[Message], origin: Origin) -> None: ...

    def synced(self, revision: int, origin: Origin) -> None: ...

    def resync(self, reason: str) -> None: ...

    def mark(self, revision: int, server_now: int) -> None:
        """Everything up to a revision, and a moment of the server's clock, has been sent."""

    def interrupted(self) -> None: ...

    def completed(self, reason: str) -> None: ...

    def failed(self, error: BusError) -> None: ...
