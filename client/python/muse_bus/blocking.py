"""
The client without asyncio: the same calls, which return when they are done. Every bus has a thread of its own, in which its
events arrive while nobody asks; the objects may be used by any number of threads.

    with muse_bus.blocking.connect() as bus:
        mirror = bus.mirror()
        mirror.when_free("src/billing.py::compute_total", timeout=60)
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from . import bus_client, mirror, subscription
from .bus_client import BusClient
from .bus_error import BusError
from .connect import Connecting
from .connect import connect as _connect
from .event import Event, Update
from .fork import close_in_children
from .mirror import MirrorStatus
from .status import Status
from .swarm import AddressContext

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Source = TypeVar("_Source")
_NO_CONTEXT: Final = AddressContext()


class _LoopThread:
    """An event loop that runs beside the program, and ends with it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="muse_bus", daemon=True)
        self._lock = threading.Lock()
        self._end: BusError | None = None
        close_in_children(self)

    def start(self) -> None:
        try:
            self._thread.start()
        except BaseException:
            # Interrupted: whether there is a thread is not known. It ends as soon as it runs.
            self._end = _closed()
            self._loop.call_soon_threadsafe(self._loop.stop)
            raise

    def forked(self, why: BusError) -> None:
        # Another thread may have held it.
        self._lock = threading.Lock()
        self._end = self._end or why

    def run(self, call: Coroutine[Any, Any, _T]) -> _T:
        """What a coroutine gives. Whoever is interrupted while it waits ends it."""
        with self._lock:
            if self._end is not None:
                call.close()
                raise self._end
            if threading.current_thread() is self._thread:
                call.close()
                raise BusError("bad-option", "a watcher must not wait for the bus that calls it", "use another thread")
            future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, call: Callable[[], _T]) -> _T:
        async def in_loop() -> _T:
            return call()

        return self.run(in_loop())

    def stop(self, last: Coroutine[Any, Any, None]) -> None:
        """Runs one more coroutine, and ends."""
        with self._lock:
            if self._end is not None:
                last.close()
                return
            self._end = _closed()
        try:
            asyncio.run_coroutine_threadsafe(self._ended(last), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _ended(self, last: Coroutine[Any, Any, None]) -> None:
        await last
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()


def _closed() -> BusError:
    return BusError("closed", "the client was closed", "connect again")


class _Face(Generic[_Source]):
    """The blocking face of something that lives in a loop."""

    def __init__(self, loop: _LoopThread, source: _Source) -> None:
        self._loop = loop
        self._source = source


def _waiting(
    call: Callable[Concatenate[_Source, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[_Face[_Source], _P], _T]:
    @functools.wraps(call)
    def waiting(self: _Face[_Source], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self._loop.run(call(self._source, *args, **kwargs))

    return waiting


def _asking(call: Callable[Concatenate[_Source, _P], _T]) -> Callable[Concatenate[_Face[_Source], _P], _T]:
    @functools.wraps(call)
    def asking(self: _Face[_Source], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self._loop.call(lambda: call(self._source, *args, **kwargs))

    return asking


class Subscription(_Face[subscription.Subscription]):
    """An iterable of events, for one reader: see :class:`muse_bus.Subscription`."""

    _reader: AsyncIterator[Any] | None = None
    _pending: asyncio.Task[Any] | None = None

    def __iter__(self) -> Iterator[Event]:
        while (event := self._take(self._source.__aiter__, None)) is not None:
            yield event

    def next(self, timeout: float | None = None) -> Event | None:
        """The next event; `None` at the end. Raises BusError `timeout` where none has come within so many seconds."""
        event: Event | None = self._take(self._source.__aiter__, timeout)
        return event

    def updates(self) -> Iterator[Update]:
        """The events together with the marks between them. One reader, of this or of the events."""
        while (update := self._take(self._source.updates, None)) is not None:
            yield update

    @property
    def cursor(self) -> str | None:
        return self._source.cursor

    @property
    def completion(self) -> subscription.Completion | None:
        return self._source.completion

    close = _waiting(subscription.Subscription.close)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, read: Callable[[], AsyncIterator[Any]], timeout: float | None) -> Any:
        update = self._loop.run(self._next(read, timeout))
        # Whoever is interrupted before has not got it, and gets it from the next call.
        self._pending = None
        return update

    async def _next(self, read: Callable[[], AsyncIterator[Any]], timeout: float | None) -> Any:
        """What was asked for and has not come by the end of one call is what the next call waits for."""
        if self._reader is None:
            self._reader = read()
        if self._pending is None:
            self._pending = asyncio.ensure_future(_next_of(self._reader))
        pending = self._pending
        await asyncio.wait({pending}, timeout=timeout)
        if not pending.done():
            text = f"no event within {timeout:g} s"
            raise BusError("timeout", text, "the bus may be away: see status, and try again")
        if pending.exception() is not None:
            self._pending = None
        return pending.result()


async def _next_of(reader: AsyncIterator[_T]) -> _T | None:
    return await anext(reader, None)


class Mirror(_Face[mirror.Mirror]):
    """See :class:`muse_bus.Mirror`."""

    get = _asking(mirror.Mirror.get)
    all = _asking(mirror.Mirror.all)
    holders = _asking(mirror.Mirror.holders)
    holding = _asking(mirror.Mirror.holding)
    leases = _asking(mirror.Mirror.leases)
    lease = _asking(mirror.Mirror.lease)
    #: The watcher is called in the bus's own thread, and must not wait for the bus.
    subscribe = _asking(mirror.Mirror.subscribe)
    close = _waiting(mirror.Mirror.close)

    @property
    def status(self) -> MirrorStatus:
        return self._source.status

    @property
    def version(self) -> int:
        return self._source.version

    def when_free(
        self,
        address: str,
        *,
        branch: str | None = None,
        context: AddressContext = _NO_CONTEXT,
        timeout: float | None = None,
    ) -> None:
        """Returns when the address is free, and known to be. Raises BusError `timeout` where it is not within so many seconds."""
        wait = self._source.when_free(address, branch=branch, context=context)
        self._loop.run(bus_client.within(timeout, "when_free", wait))

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _watching(
    call: Callable[Concatenate[BusClient, _P], subscription.Subscription],
) -> Callable[Concatenate[_Face[BusClient], _P], Subscription]:
    @functools.wraps(call)
    def watching(self: _Face[BusClient], /, *args: _P.args, **kwargs: _P.kwargs) -> Subscription:
        return Subscription(self._loop, self._loop.call(lambda: call(self._source, *args, **kwargs)))

    return watching


def _mirroring(
    call: Callable[Concatenate[BusClient, _P], Coroutine[Any, Any, mirror.Mirror]],
) -> Callable[Concatenate[_Face[BusClient], _P], Mirror]:
    @functools.wraps(call)
    def mirroring(self: _Face[BusClient], /, *args: _P.args, **kwargs: _P.kwargs) -> Mirror:
        return Mirror(self._loop, self._loop.run(call(self._source, *args, **kwargs)))

    return mirroring


def _connecting(call: Callable[_P, Connecting]) -> Callable[_P, Bus]:
    @functools.wraps(call)
    def connecting(*args: _P.args, **kwargs: _P.kwargs) -> Bus:
        made = call(*args, **kwargs)
        loop = _LoopThread()
        try:
            loop.start()
            return Bus(loop, loop.run(made.opened()))
        except BaseException:
            loop.stop(made.client.close())
            raise

    return connecting


class Bus(_Face[BusClient]):
    """See :class:`muse_bus.BusClient`."""

    watch = _watching(BusClient.watch)
    mirror = _mirroring(BusClient.mirror)
    get = _waiting(BusClient.get)
    holders = _waiting(BusClient.holders)
    holding = _waiting(BusClient.holding)
    sync = _waiting(BusClient.sync)
    inspect = _waiting(BusClient.inspect)
    explain = _waiting(BusClient.explain)
    server_now = _asking(BusClient.server_now)
    #: The watcher is called in the bus's own thread, and must not wait for the bus.
    watch_status = _asking(BusClient.watch_status)

    @property
    def status(self) -> Status:
        return self._source.status

    @property
    def server(self) -> dict[str, Any] | None:
        return self._source.server

    def close(self) -> None:
        """Ends every subscription, the connection and its thread."""
        self._loop.stop(self._source.close())

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


#: See :func:`muse_bus.connect`.
connect = _connecting(_connect)
