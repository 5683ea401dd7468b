"""
One connection to a bus: the challenge where the bus has still to prove itself, the handshake, and frames in both directions.
The challenge and the handshake go over one and the same connection: another one could lead to somebody else.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import logging
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.uri import parse_uri

from .bus_error import BusError
from .wire import Codec, Message, parse_json

_DIAL_S: Final = 10
#: Between our goodbye and the end of a connection whose other side does not answer.
_CLOSE_S: Final = 0.5
_MAX_HEAD_BYTES: Final = 65_536
_MAX_PROOF_BYTES: Final = 4_096
_MAX_FRAME_BYTES: Final = 100 * 2**20
_CONTINUATION, _TEXT, _BINARY = 0, 1, 2
_NORMAL: Final = 1_000
_ABNORMAL: Final = 1_006
_UNAUTHORIZED: Final = 4_401
#: What `websockets` says at the level DEBUG holds the token.
_frames: Final = logging.getLogger("muse_bus.frames")
_frames.setLevel(logging.INFO)
_NOT_RUNNING: Final = "is the server running? start it with muse-bus serve"


class Channel(Protocol):
    """Messages to and from a bus, as long as it lasts."""

    def send(self, message: Message) -> None: ...

    def size_of(self, message: Message) -> int:
        """The bytes that a message takes on this channel."""

    async def receive(self) -> Any:
        """The next message. Raises ChannelEnd, and ValueError for what is no message."""

    async def close(self) -> None:
        """Says goodbye, and returns when the connection has ended; nothing more is received."""


class ChannelEnd(Exception):
    """The connection is over. `error`: where more is known than the close code says."""

    def __init__(self, code: int, reason: str, error: BusError | None = None) -> None:
        super().__init__(code, reason)
        self.code: Final = code
        self.reason: Final = reason
        self.error: Final = error


#: Makes a channel. Raises BusError where that fails.
Dial = Callable[[], Awaitable[Channel]]


@dataclass(frozen=True)
class Place:
    """Where a bus is and how to authenticate."""

    #: `ws://` or `wss://`.
    url: str
    token: str
    #: Whether url and token are the caller's own word; others were found, and the server has to prove itself first.
    is_callers: bool


def websocket_dial(find: Callable[[], Place], codec: Codec, tls: ssl.SSLContext | None) -> Dial:
    """`find` is asked before every attempt: a restarted server may be elsewhere."""

    async def dial() -> Channel:
        place = find()
        try:
            return await asyncio.wait_for(_open(place, codec, tls, find), _DIAL_S)
        except asyncio.TimeoutError as error:
            raise BusError("unreachable", f"no connection within {_DIAL_S} s", _NOT_RUNNING) from error
        except ssl.SSLCertVerificationError as error:
            text = f"the certificate of the bus is not trusted: {error.verify_message}"
            raise BusError("untrusted", text, "give a context that trusts it as ssl") from error
        except ssl.SSLError as error:
            text = "the bus does not speak TLS at this port"
            raise BusError("unreachable", text, "is it ws:// instead of wss://?") from error
        except (OSError, EOFError) as error:
            raise BusError("unreachable", f"cannot reach the bus: {error}", _NOT_RUNNING) from error
        except (ValueError, InvalidURI) as error:
            text = f"no connection could be begun: {error}"
            raise BusError("bad-option", text, "check the url and the token") from error

    return dial


async def _open(place: Place, codec: Codec, tls: ssl.SSLContext | None, find: Callable[[], Place]) -> Channel:
    url = urlsplit(place.url)
    is_secure = url.scheme == "wss"
    context = (tls or ssl.create_default_context()) if is_secure else None
    port = url.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=context)
    try:
        if not place.is_callers:
            await _challenge(place, reader, writer)
        return await _handshake(place, codec, reader, writer, find)
    except BaseException:
        writer.close()
        raise


# ── the challenge ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _challenge(place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Has the server show that it knows the token, without saying it."""
    url = urlsplit(place.url)
    authority = url.netloc
    # An edge of several repositories has each below a path of its own.
    path = url.path.rstrip("/")
    nonce = secrets.token_urlsafe(32)
    request = f"GET {path}/challenge?nonce={nonce} HTTP/1.1\r\nHost: {authority}\r\nConnection: keep-alive\r\n\r\n"
    writer.write(request.encode("ascii"))
    status, body = await _read_answer(reader)
    if status in (429, 503):
        raise BusError("unreachable", "the bus is starting, or full", "try again")
    text = f"muse-bus challenge\n{nonce}\n{authority.lower()}\n"
    digest = hmac.digest(place.token.encode(), text.encode(), "sha256")
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=")
    if status == 200 and hmac.compare_digest(_proof_in(body), expected):
        return
    raise BusError(
        "untrusted-endpoint",
        f"who answers at {place.url} does not know this repository's token",
        "another program has that port: start the server with muse-bus serve",
    )


def _proof_in(body: bytes) -> bytes:
    try:
        value = parse_json(body)
    except ValueError:
        return b""
    proof = value.get("proof") if isinstance(value, dict) else None
    return proof.encode() if isinstance(proof, str) else b""


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an answer whose length is said: that of the challenge is."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return status, await _read_chunks(reader)
        length = int(headers.get("content-length", "0"))
        if length > _MAX_PROOF_BYTES:
            raise ValueError("it is too long")
        return status, await reader.readexactly(length)
    except (ValueError, IndexError, asyncio.LimitOverrunError) as error:
        raise BusError("untrusted-endpoint", f"who answers is no bus: {error}", "is this the url of a bus?") from error


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        length = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if length + len(body) > _MAX_PROOF_BYTES:
            raise ValueError("it is too long")
        body += (await reader.readexactly(length + 2))[:-2]
        if length == 0:
            return body


# ── the WebSocket ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _client_protocol(url: str, subprotocol: str) -> Any:
    """The part of `websockets` that speaks the protocol and opens no socket; it was renamed in version 11."""
    import websockets.client as client

    make: Any = getattr(client, "ClientProtocol", None) or getattr(client, "ClientConnection")
    return make(parse_uri(url), subprotocols=[subprotocol], max_size=_MAX_FRAME_BYTES, logger=_frames)


async def _handshake(
    place: Place, codec: Codec, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, find: Callable[[], Place]
) -> Channel:
    protocol = _client_protocol(place.url, codec.subprotocol)
    request = protocol.connect()
    request.headers["Authorization"] = f"Bearer {place.token}"
    protocol.send_request(request)
    channel = _WebSocketChannel(protocol, codec, reader, writer, place.token, find)
    await channel.opened()
    return channel


def _refused(error: Exception) -> BusError:
    """An answer other than 101."""
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    if status == 401:
        return BusError("unauthorized", "the bus refused the token", "take it from .muse/bus/endpoint.json")
    if status == 403:
        advice = "start it with --allow-host or --allow-origin"
        return BusError("forbidden", "the bus refused the Host or Origin", advice)
    if status in (429, 503):
        return BusError("unreachable", "the bus is starting, or full", "try again")
    what = f"with {status}" if status is not None else f"in a way that is none: {error}"
    return BusError("protocol", f"the bus answered the handshake {what}", "is this the url of a bus?")


class _WebSocketChannel:
    def __init__(
        self,
        protocol: Any,
        codec: Codec,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        token: str,
        find: Callable[[], Place],
    ) -> None:
        self._protocol = protocol
        self._codec = codec
        self._reader = reader
        self._writer = writer
        self._token = token
        self._find = find
        self._frames: list[tuple[bool, bytes]] = []
        self._parts: list[bytes] = []
        self._is_text = False
        self._is_opened = False

    async def opened(self) -> None:
        """Waits for the answer to the handshake. Raises BusError."""
        self._flush()
        while not self._is_opened:
            data = await self._reader.read(_MAX_HEAD_BYTES)
            self._feed(data)
            failure = getattr(self._protocol, "handshake_exc", None)
            if failure is not None:
                raise _refused(failure)
            if not data and not self._is_opened:
                raise EOFError("the bus closed the connection")

    def send(self, message: Message) -> None:
        # After the other side's goodbye nothing more may be sent; what was asked is asked again on the next connection.
        if self._writer.is_closing() or self._protocol.state.name != "OPEN":
            return
        frame = self._codec.encode(message)
        if isinstance(frame, str):
            self._protocol.send_text(frame.encode())
        else:
            self._protocol.send_binary(frame)
        self._flush()

    def size_of(self, message: Message) -> int:
        frame = self._codec.encode(message)
        return len(frame.encode() if isinstance(frame, str) else frame)

    async def receive(self) -> Any:
        while not self._frames:
            try:
                data = await self._reader.read(65_536)
            except OSError:
                data = b""
            self._feed(data)
            if not data and not self._frames:
                self._writer.close()
                raise self._end()
        is_text, frame = self._frames.pop(0)
        return self._codec.decode(frame.decode() if is_text else frame)

    async def close(self) -> None:
        if not self._writer.is_closing():
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(self._say_goodbye(), _CLOSE_S)
        self._writer.close()

    async def _say_goodbye(self) -> None:
        if self._protocol.state.name == "OPEN":
            self._protocol.send_close(_NORMAL)
            self._flush()
        while data := await self._reader.read(65_536):
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            self._take(event)
        self._flush()

    def _take(self, event: Any) -> None:
        opcode = getattr(event, "opcode", None)
        if opcode is None:
            # The answer to the handshake, also one that refuses it.
            self._is_opened = self._protocol.handshake_exc is None
            return
        if opcode not in (_CONTINUATION, _TEXT, _BINARY):
            return
        if opcode != _CONTINUATION:
            self._is_text = opcode == _TEXT
        self._parts.append(event.data)
        if event.fin:
            self._frames.append((self._is_text, b"".join(self._parts)))
            self._parts = []

    def _flush(self) -> None:
        """An empty piece means that nothing more will be sent."""
        for piece in self._protocol.data_to_send():
            if piece:
                self._writer.write(piece)
            elif self._writer.can_write_eof():
                # A connection that the other side has reset takes no end. Who reads from it learns of that.
                with contextlib.suppress(OSError):
                    self._writer.write_eof()
            else:
                self._writer.close()

    def _end(self) -> ChannelEnd:
        close = getattr(self._protocol, "close_rcvd", None)
        code, reason = (close.code, close.reason) if close is not None else (_ABNORMAL, "")
        # A rotated token is found by reading its source again; one that the caller gave stays the same.
        return ChannelEnd(_ABNORMAL if code == _UNAUTHORIZED and self._is_outdated() else code, reason)

    def _is_outdated(self) -> bool:
        try:
            return self._find().token != self._token
        except BusError:
            return True
