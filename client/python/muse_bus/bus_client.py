"""A connection to a bus, as long as it is wanted: it survives restarts of the server and loss of the network."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeVar

from .backoff import Backoff
from .bus_error import BusError
from .clock import Cancel, Clock, SystemClock
from .connection import Connection
from .dial import Dial
from .filter import read_filter, read_record
from .mirror import Mirror
from .record_view import Record
from .status import Closed, Live, Status
from .subscription import SubscribeOptions, Subscription, WhenFull
from .swarm import AddressContext, Holding, Lease, Moment
from .swarm.text import units
from .wire import LEASE_KINDS, is_sendable, parse_cursor

_T = TypeVar("_T")
_NO_CONTEXT: Final = AddressContext()
_MAX_EVENTS: Final = 2**31 - 1
_MAX_NAME_LENGTH: Final = 128


class BusClient:
    """
    Made by :func:`muse_bus.connect`. Every call belongs to the event loop in which it was made; `timeout` is in seconds, and ends
    the call with BusError `timeout`. While there is no connection a call waits for one.
    """

    def __init__(
        self,
        dial: Dial,
        *,
        name: str | None = None,
        backoff: Backoff | None = None,
        max_attempts: int | None = None,
        wait_on_first_connect: bool = False,
        logger: logging.Logger | None = None,
        clock: Clock | None = None,
    ) -> None:
        if name is not None and not (isinstance(name, str) and 1 <= units(name) <= _MAX_NAME_LENGTH and name.isprintable()):
            text = f"a name has 1 to {_MAX_NAME_LENGTH} characters and no control characters, got {name!r}"
            raise BusError("bad-option", text, "choose another name")
        if max_attempts is not None and not _is_count(max_attempts):
            raise BusError("bad-option", f"max_attempts must be 1 or more, got {max_attempts!r}")
        self.clock: Final[Clock] = clock or SystemClock()
        #: For the parts of this package.
        self.connection: Final = Connection(
            dial,
            clock=self.clock,
            backoff=backoff or Backoff(),
            max_attempts=float("inf") if max_attempts is None else max_attempts,
            wait_on_first_connect=wait_on_first_connect,
            name=name,
            logger=logger or logging.getLogger("muse_bus"),
        )

    async def open(self) -> None:
        """Connects for the first time. Raises BusError where that fails; later failures are repaired in silence."""
        await self.connection.open()

    @property
    def status(self) -> Status:
        return self.connection.status

    def watch_status(self, watcher: Callable[[Status], None]) -> Cancel:
        """Calls at every change of status until the returned function is called."""
        return self.connection.watch_status(watcher)

    @property
    def server(self) -> dict[str, Any] | None:
        """What the server said of itself when it was last reached: version, epoch, watching mechanism, limits."""
        return self.connection.welcome

    def server_now(self) -> int:
        """The server's wall clock, as well as we know it, Unix milliseconds."""
        return self.connection.server_now()

    def watch(
        self,
        *,
        kinds: Sequence[str] | None = None,
        run_ids: Sequence[str] | None = None,
        branches: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        addresses: Sequence[str] | None = None,
        event_types: Sequence[str] | None = None,
        max_events: int | None = None,
        since: str | None = None,
        snapshot: Literal["full", "none"] = "full",
        buffer_size: int = 1_024,
        when_full: WhenFull = "wait",
    ) -> Subscription:
        """
        The events that match a filter: first a `snapshot` event for each record that stands, then every change.

        `max_events`: end with the event of this number. `since`: resume after this cursor instead of beginning with a snapshot;
        if the server no longer has what happened since, the iterator raises `resync`, and `updates` goes on with a snapshot.
        `buffer_size`: change events that may wait to be consumed. `when_full`: what happens when more wait: `wait` leaves them on
        the server and fetches them from its history later; `latest` keeps of each record only the last event; `fail` ends the
        subscription with BusError `overflow`. Raises BusError `bad-option`.
        """
        filter = read_filter(
            kinds=kinds, run_ids=run_ids, branches=branches, ids=ids, addresses=addresses, event_types=event_types
        )
        if max_events is not None and not _is_count(max_events):
            raise BusError("bad-option", f"max_events must be from 1 to {_MAX_EVENTS}, got {max_events!r}")
        if since is not None and (not isinstance(since, str) or parse_cursor(since) is None):
            text = f'since must be a cursor, "epoch:revision", got {since!r}'
            raise BusError("bad-option", text, "take it from an event")
        if snapshot not in ("full", "none"):
            raise BusError("bad-option", f"snapshot must be 'full' or 'none', got {snapshot!r}")
        if not _is_count(buffer_size):
            raise BusError("bad-option", f"buffer_size must be from 1 to {_MAX_EVENTS}, got {buffer_size!r}")
        if when_full not in ("wait", "latest", "fail"):
            raise BusError("bad-option", f"when_full must be 'wait', 'latest' or 'fail', got {when_full!r}")
        options = SubscribeOptions(filter, max_events, since, snapshot, buffer_size, when_full)
        return Subscription(self.connection, options)

    async def mirror(
        self,
        *,
        kinds: Sequence[str] | None = None,
        run_ids: Sequence[str] | None = None,
        branches: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        addresses: Sequence[str] | None = None,
        leases: bool = True,
        timeout: float | None = None,
    ) -> Mirror:
        """
        A live local view of the records that match a filter, and of who holds what (`leases`). Returns when it is complete. Raises
        BusError where the bus refuses it or the client is closed.
        """
        filter = read_filter(kinds=kinds, run_ids=run_ids, branches=branches, ids=ids, addresses=addresses)
        return await within(timeout, "mirror", Mirror.open(self, filter, leases))

    async def get(self, kind: str, id: str, *, timeout: float | None = None) -> Record | None:
        """A record as it is on disk now; `None` where there is none."""
        name = read_record(kind, id, "get")

        filter = {"kinds": [name[0]], "ids": [name[1]]}
        return await within(timeout, "get", self._at_barrier(name, filter, False, lambda mirror: mirror.get(*name)))

    async def holders(
        self,
        address: str,
        *,
        branch: str | None = None,
        context: AddressContext = _NO_CONTEXT,
        timeout: float | None = None,
    ) -> list[Lease]:
        """
        Who holds an address, by all that is on disk now, the first to end first. Raises BusError `unknown` where nobody is known
        to hold it and the bus cannot see or read what decides: an empty answer is never given for one that is not known.
        """
        holding = await self.holding(address, branch=branch, context=context, timeout=timeout)
        if holding.free != "unknown":
            return list(holding.holders)
        advice = "the bus cannot see or read all reservations: muse-bus doctor says why; ask again later"
        raise BusError("unknown", f"whether {address} is held is not known", advice)

    async def holding(
        self,
        address: str,
        *,
        branch: str | None = None,
        context: AddressContext = _NO_CONTEXT,
        timeout: float | None = None,
    ) -> Holding:
        """The same, with `free` `unknown` where it is not known."""

        async def ask() -> Holding:
            # A lease that ends after the question may be prolonged after the disk was read: it is judged at this moment.
            status = self.status
            asked_at = self.server_now() - int(status.round_trip_ms if isinstance(status, Live) else 0)

            def answer(mirror: Mirror) -> Holding:
                # The barrier proves all that happened until it was asked for. A server whose clock was set back has said so
                # before it answered.
                at = min(asked_at, self.server_now())
                moment: Moment = replace(mirror.moment, now=at, complete_until=at)
                return mirror.holding(address, branch=branch, context=context, at=moment)

            return await self._at_barrier(None, {"kinds": list(LEASE_KINDS)}, True, answer)

        return await within(timeout, "holders", ask())

    async def _at_barrier(
        self,
        record: tuple[str, str] | None,
        filter: dict[str, Any],
        leases: bool,
        answer: Callable[[Mirror], _T],
    ) -> _T:
        """
        Answers from a mirror that has what was on disk at the call. A barrier speaks for the server that answers it: where the
        connection is another one before the mirror is complete, the server may be another run, which has read less. It is asked
        again.
        """
        while True:
            await self.connection.sync(record)
            welcome = self.connection.welcome
            async with await Mirror.open(self, filter, leases) as mirror:
                if self.connection.welcome is welcome:
                    return answer(mirror)

    async def sync(self, kind: str | None = None, id: str | None = None, *, timeout: float | None = None) -> str:
        """
        The barrier: returns once the server has read that record, or everything, as it is on disk now. Events of what it found
        have been sent before. Returns the cursor that includes it.
        """
        record = None if kind is None and id is None else read_record(kind, id, "sync")
        return await within(timeout, "sync", self.connection.sync(record))

    async def inspect(
        self, topic: str, params: dict[str, Any] | None = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """
        Asks the server about itself: `overview`, who is connected and how each is served; `explain`. Raises BusError `bad-option`,
        naming what is wrong with the question; `limit`, where too many are asked.
        """
        if not is_sendable([topic, params]):
            # The server ends a connection over it, and the next connection would send it again.
            raise BusError("bad-option", "inspect: the question has what JSON has not", "mend it")
        answer = await within(timeout, "inspect", self.connection.inspect(topic, params or {}))
        if isinstance(answer, dict):
            return answer
        raise BusError("protocol", "the answer is no map", "update the client or the server")

    async def explain(
        self,
        /,
        kind: str | None = None,
        id: str | None = None,
        *,
        revision: int | None = None,
        connection: int | None = None,
        sub: int | None = None,
        timeout: float | None = None,
        **filter: Sequence[str],
    ) -> dict[str, Any]:
        """
        Why a record, or the transition of a revision, was delivered to a subscription or not; or, with the fields of a filter,
        whether it would match: `explain("task", "t1", kinds=["claim"])`.
        """
        params: dict[str, Any] = {}
        if kind is not None or id is not None:
            params["kind"], params["id"] = read_record(kind, id, "explain")
        given = {"revision": revision, "connection": connection, "sub": sub}
        params.update({name: value for name, value in given.items() if value is not None})
        if sub is None:
            params["filter"] = read_filter(**filter)
        elif filter:
            raise BusError("bad-option", "explain: sub and a filter are both given", "give one of them")
        return await self.inspect("explain", params, timeout=timeout)

    async def close(self) -> None:
        """Ends every subscription and the connection."""
        if not isinstance(self.status, Closed):
            self.connection.check_loop()
        self.connection.close()
        await self.connection.gone()

    async def __aenter__(self) -> BusClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_EVENTS


async def within(timeout: float | None, what: str, call: Awaitable[_T]) -> _T:
    """What a call gives, unless the time is up before."""
    try:
        return await asyncio.wait_for(call, timeout)
    except asyncio.TimeoutError as error:
        text = f"{what} took longer than {timeout:g} s"
        raise BusError("timeout", text, "the bus may be away: see status, and try again") from error
