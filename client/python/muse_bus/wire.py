"""Messages and their encodings, as protocol/PROTOCOL.md has them."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, Literal

Encoding = Literal["json", "msgpack"]
Kind = Literal["reservation", "intent", "release", "heartbeat", "task", "claim", "dependency"]
EventType = Literal["snapshot", "added", "modified", "removed", "expired", "revived"]

#: In the order of their numbers on the wire.
KINDS: Final[tuple[Kind, ...]] = ("reservation", "intent", "release", "heartbeat", "task", "claim", "dependency")
EVENT_TYPES: Final[tuple[EventType, ...]] = ("snapshot", "added", "modified", "removed", "expired", "revived")
DIRECTORIES: Final[dict[str, Kind]] = {
    "reservations": "reservation",
    "intents": "intent",
    "releases": "release",
    "heartbeats": "heartbeat",
    "tasks": "task",
    "claims": "claim",
    "dependencies": "dependency",
}
#: What decides who holds what.
LEASE_KINDS: Final[tuple[Kind, ...]] = ("reservation", "release", "heartbeat")

SUBSCRIBE, UNSUBSCRIBE, SYNC, PING, INSPECT, NAME = range(1, 7)
(
    WELCOME,
    SUBSCRIBED,
    BATCH,
    SYNCED,
    EVENTS,
    COMPLETE,
    RESYNC,
    ERROR,
    SYNC_DONE,
    PONG,
    HEARTBEAT,
    INSPECTION,
) = range(16, 28)

#: A message is an array that begins with its type.
Message = list[Any]

_CURSOR: Final = re.compile(r"([A-Za-z0-9_-]{1,64}):(0|[1-9][0-9]{0,15})")
_MAX_INTEGER: Final = 2**53 - 1


def parse_cursor(text: str) -> tuple[str, int] | None:
    """Epoch and revision; `None` where the text is no cursor."""
    match = _CURSOR.fullmatch(text)
    if match is None or int(match[2]) > _MAX_INTEGER:
        return None
    return match[1], int(match[2])


def is_sendable(value: object) -> bool:
    """Whether a message can be sent in either encoding: its texts have a form in UTF-8, and all of it is what JSON has."""
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, int):
        return abs(value) <= _MAX_INTEGER
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return all(is_sendable(one) for one in value)
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_sendable([name, one]) for name, one in value.items())
    return value is None


def integer(value: Any) -> int:
    """A whole number of the protocol, which may arrive as any type of number. Raises ValueError."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value != int(value):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def parse_json(text: str | bytes) -> Any:
    """Reads JSON. Raises ValueError, also where it is nested too deeply, and for NaN, which is no JSON."""
    try:
        return json.loads(text if isinstance(text, str) else text.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class JsonCodec:
    subprotocol: Final = "muse-bus.v1.json"

    def encode(self, message: Message) -> str | bytes:
        return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def decode(self, frame: str | bytes) -> Any:
        if isinstance(frame, bytes):
            raise ValueError("a binary frame on a connection that speaks JSON")
        return parse_json(frame)


class MsgpackCodec:
    """Needs the package `msgpack`. Raises ImportError."""

    subprotocol: Final = "muse-bus.v1.msgpack"

    def __init__(self) -> None:
        import msgpack  # type: ignore[import-untyped,unused-ignore]

        self._pack: Any = msgpack.packb
        self._unpack: Any = msgpack.unpackb

    def encode(self, message: Message) -> str | bytes:
        packed: bytes = self._pack(message)
        return packed

    def decode(self, frame: str | bytes) -> Any:
        if isinstance(frame, str):
            raise ValueError("a text frame on a connection that speaks MessagePack")
        return self._unpack(frame, strict_map_key=True)


Codec = JsonCodec | MsgpackCodec
