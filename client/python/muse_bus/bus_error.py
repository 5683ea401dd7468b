"""The one error class of the client."""

from __future__ import annotations

from typing import Final

_RETRYABLE: Final = frozenset({"unreachable", "limit", "internal", "timeout", "unknown"})


class BusError(Exception):
    """
    What went wrong between a client and a bus. `code` is one of those of the SDK for TypeScript, with the same meanings; one
    that is not known is a newer server's, and final for what it is about.
    """

    def __init__(self, code: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
        #: What to do about it.
        self.advice: Final = advice

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without anything being changed."""
        return self.code in _RETRYABLE

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.advice})" if self.advice else "")

    def __reduce__(self) -> tuple[type[BusError], tuple[str, str, str]]:
        return (type(self), (self.code, self.message, self.advice))


def close_error(code: int, reason: str) -> BusError:
    """What the end of a connection means to whoever used it."""
    text = f"the connection ended with {code}" + (f" ({reason})" if reason else "")
    if code == 4401:
        return BusError("unauthorized", text, "read the token from .muse/bus/endpoint.json again")
    if code in (1002, 1003):
        return BusError("protocol", text, "update the client or the server")
    if code in (4429, 1009):
        return BusError("limit", text, "send less, or raise the limit on the server")
    return BusError("unreachable", text, "is the server running? start it with muse-bus serve")
