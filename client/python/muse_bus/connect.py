"""Finding a bus and connecting to it."""

from __future__ import annotations

import logging
import os
import random
import re
import ssl as tls
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from .backoff import Backoff
from .bus_client import BusClient
from .bus_error import BusError
from .dial import Dial, Place, websocket_dial
from .endpoint import find_endpoint
from .repository import repository_around
from .served_repository import other_repository
from .servers_in_turn import servers_in_turn
from .wire import Codec, Encoding, JsonCodec, MsgpackCodec

_HINT: Final = "a bus is at ws://host:port, or wss://host:port with TLS"
_PORTS: Final = {"ws": 80, "wss": 443}


class Connecting:
    """A connection that is being made: `await` it, or enter it with `async with`."""

    def __init__(self, client: BusClient) -> None:
        #: For the parts of this package.
        self.client: Final = client

    def __await__(self) -> Generator[Any, None, BusClient]:
        return self.opened().__await__()

    async def opened(self) -> BusClient:
        await self.client.open()
        return self.client

    async def __aenter__(self) -> BusClient:
        return await self.opened()

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


def connect(
    *,
    root: str | os.PathLike[str] | None = None,
    url: str | Sequence[str] | None = None,
    token: str | None = None,
    endpoint: Mapping[str, Any] | None = None,
    encoding: Encoding = "json",
    ssl: tls.SSLContext | None = None,
    name: str | None = None,
    backoff: Backoff | None = None,
    max_attempts: int | None = None,
    wait_on_first_connect: bool = False,
    logger: logging.Logger | None = None,
) -> Connecting:
    """
    Connects to a bus: with nothing said, to that of the repository around the working directory.

        async with muse_bus.connect() as bus: ...
        bus = await muse_bus.connect(root="~/shop")

    `root`: a directory in the repository whose bus is wanted. `url` with `token`: that bus, whose token is sent to it at once.
    Several urls are edges of one repository that share a token: the client begins with a random one, and goes to the next when one
    ends or cannot be reached.
    `endpoint`: the same, as a map with `url` and `token`, as a server says it. In all other cases url and token come from a file
    that only this user can have written, and the token is sent after the server has shown that it knows it. `encoding`:
    `msgpack` needs the package of this name. `name`: what the server calls this client in its overview, metrics and log.
    `wait_on_first_connect`: whether the first connection is waited for like any other, over any number of attempts.

    Raises BusError `bad-option` at once; when it is awaited `no-endpoint`, `untrusted-endpoint`, `unreachable`, `untrusted`,
    `unauthorized`, `forbidden`.
    """
    if endpoint is not None:
        if not isinstance(endpoint, Mapping):
            raise BusError("bad-option", f"endpoint must be a map, got {endpoint!r}", "take it from a server, whole")
        if url is not None or token is not None or root is not None:
            raise BusError("bad-option", "endpoint is given together with root, url or token", "give one of them")
        url, token = endpoint.get("url"), endpoint.get("token")
        if not isinstance(url, str) or not isinstance(token, str):
            raise BusError("bad-option", "endpoint must have url and token", "take it from a server, whole")
        _say_other_repository(endpoint, logger or logging.getLogger("muse_bus"))
    urls = [url] if url is None or isinstance(url, (str, bytes)) or not isinstance(url, Sequence) else list(url)
    if not urls:
        raise BusError("bad-option", "the list of urls is empty", "give at least one")
    for one in urls:
        if one is not None:
            _check_url(one)
    if token is not None and (not isinstance(token, str) or re.fullmatch(r"[\x21-\x7e]+", token) is None):
        raise BusError("bad-option", "token must be printable ASCII without blanks", "take it from an endpoint file")
    start = None if root is None else _path(root)

    codec = _codec(encoding)

    def dial_at(at: str | None) -> Dial:
        return websocket_dial(lambda: _place(at, token, start), codec, ssl)

    dial = servers_in_turn([dial_at(one) for one in urls], random.random)
    client = BusClient(
        dial,
        name=name,
        backoff=backoff,
        max_attempts=max_attempts,
        wait_on_first_connect=wait_on_first_connect,
        logger=logger,
    )
    return Connecting(client)


def _say_other_repository(endpoint: Mapping[str, Any], logger: logging.Logger) -> None:
    """A program may have the endpoint of one repository, and work in another: then no answer is about its files."""
    try:
        around = repository_around(os.getcwd(), False)
    except (BusError, OSError):
        return
    other = other_repository(endpoint, around)
    if other is not None:
        logger.warning("the endpoint is of the bus of %r, and the working directory is in %r", other, str(around))


def _codec(encoding: Encoding) -> Codec:
    if encoding == "json":
        return JsonCodec()
    if encoding != "msgpack":
        raise BusError("bad-option", f"encoding must be 'json' or 'msgpack', got {encoding!r}")
    try:
        return MsgpackCodec()
    except ImportError as error:
        advice = "install msgpack, or leave encoding out"
        raise BusError("bad-option", "encoding 'msgpack' needs the package msgpack", advice) from error


def _place(url: str | None, token: str | None, start: str | None) -> Place:
    if url is not None and token is not None:
        return Place(url, token, is_callers=True)
    root = repository_around(os.getcwd() if start is None else start, start is not None)
    found = find_endpoint(root)
    if url is not None and _bus_of(url) != _bus_of(found.url):
        text = f"the token of this repository is for {found.url} and does not go to another url"
        raise BusError("untrusted-endpoint", text, "give the token of that bus, too")
    if token is not None and token != found.token:
        text = "a token that is given does not go to a url that was found in a file"
        raise BusError("untrusted-endpoint", text, "give the url of that bus, too")
    return Place(found.url, found.token, is_callers=False)


def _bus_of(url: str) -> tuple[str, str | None, int | None, str]:
    """What two urls of one bus have in common. Below each path of an edge is another repository, with another token."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), parts.path.rstrip("/")


def _path(root: object) -> str:
    try:
        path = os.path.expanduser(os.fsdecode(root))  # type: ignore[arg-type]
    except (TypeError, UnicodeError) as error:
        raise BusError("bad-option", f"root must be a path, got {root!r}") from error
    if "\0" in path:
        raise BusError("bad-option", f"root is no path: {path!r} has a character that none can have")
    return path


def _check_url(url: object) -> None:
    if not isinstance(url, str):
        raise BusError("bad-option", f"the url must be text, got {url!r}", _HINT)
    why = _fault(url)
    if why is not None:
        shown = "" if "token" in why else f" {url[:200]!r}"
        raise BusError("bad-option", f"the url{shown} {why}", _HINT)


def _fault(url: str) -> str | None:
    """What is wrong with a url of a bus."""
    if url.strip() == "":
        return "is empty"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "is invalid"
    # `localhost:6873` reads as a scheme and a path.
    if "//" not in url:
        return f"has no scheme; did you mean ws://{url}?"
    if parts.scheme in ("http", "https"):
        return f"begins with {parts.scheme}://; did you mean ws{url[4:]}?"
    if parts.scheme not in _PORTS:
        return f"begins with {parts.scheme}:, not with ws:// or wss://"
    if not host:
        return "names no host"
    if "token" in parse_qs(parts.query, keep_blank_values=True):
        return "holds a token, which every log on the way would keep: give it as token"
    if parts.username is not None or parts.password is not None:
        return "holds a name or password, which a bus does not take: give its token as token"
    return "has a fragment (#…), which a WebSocket has not" if parts.fragment else None
