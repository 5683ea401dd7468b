"""A live local view of records and leases."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from .bus_error import BusError
from .clock import Cancel
from .filter import Filter, read_kind
from .record_view import Change, Record, RecordView
from .status import Closed, Live, Status
from .subscription import SubscribeOptions, Subscription
from .swarm import Address, AddressContext, AddressError, Holding, Lease, LeaseTable, Moment, parse_query
from .swarm.text import order
from .wire import LEASE_KINDS

if TYPE_CHECKING:
    from .bus_client import BusClient

#: A bus that cannot say whether an address is free is asked again after so long.
_ASK_AGAIN_MS: Final = 1_000
_MAX_WAIT_MS: Final = 60_000
_NO_CONTEXT: Final = AddressContext()


@dataclass(frozen=True)
class MirrorLive:
    """It follows the bus."""

    state: Literal["live"] = "live"


@dataclass(frozen=True)
class MirrorUnknown:
    """It shows what was so until the bus was lost; what is so now is not known. `since` in Unix milliseconds."""

    since: int
    cause: str
    state: Literal["unknown"] = "unknown"


@dataclass(frozen=True)
class MirrorClosed:
    """It shows what was so when it ended, and changes no more."""

    error: BusError | None = None
    state: Literal["closed"] = "closed"


MirrorStatus = MirrorLive | MirrorUnknown | MirrorClosed


def _check_branch(branch: str | None) -> None:
    """An empty text usually comes from a variable that is not set: no lease is on that branch, and all would seem free."""
    if branch is not None and (not isinstance(branch, str) or branch.strip() == ""):
        text = f"branch must be a text that is not empty, got {branch!r}"
        raise BusError("bad-option", text, "leave it out for all branches")


def read_addresses(spelling: str, context: AddressContext = _NO_CONTEXT) -> tuple[Address, ...]:
    """What a person or a program means by an address, in any spelling. Raises BusError `bad-option` where it can be none."""
    advice = "name a file or a symbol, src/billing.py::compute_total"
    if not isinstance(spelling, str):
        raise BusError("bad-option", f"the address is no text: {spelling!r}", advice)
    try:
        return parse_query(spelling, context)
    except AddressError as fault:
        raise BusError("bad-option", str(fault), advice) from fault


class Mirror:
    """
    A live local view of the records that match a filter, and of all leases. It is complete when it is given out, stays right over
    broken connections, and after a resync tells exactly the differences.

    Leases and records are of one moment where the filter names only kinds and ids. Any other filter is left to the server, in a
    second subscription: its records may be one message behind the leases, or ahead of them.
    """

    def __init__(self, bus: BusClient, filter: Filter, follows_leases: bool) -> None:
        self._bus = bus
        self._filter = filter
        self._follows_leases = follows_leases
        self._leases = LeaseTable()
        self._watchers: list[Callable[[list[Change]], None]] = []
        self._lease_watchers: list[Callable[[], None]] = []
        self._end: MirrorClosed | None = None
        self._lost: MirrorUnknown | None = None
        self._is_open = False
        self._version = 0
        self._closed: asyncio.Future[BusError | None] = asyncio.get_running_loop().create_future()
        self._views: list[RecordView] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._shows_all = True
        if not follows_leases:
            self._follow(filter, False, True)
        elif set(filter) <= {"kinds", "ids"}:
            self._shows_all = not filter or (set(filter) == {"kinds"} and set(LEASE_KINDS) <= set(filter["kinds"]))
            kinds = filter.get("kinds")
            self._follow({} if kinds is None else {"kinds": sorted({*kinds, *LEASE_KINDS})}, True, True)
        else:
            self._follow(filter, False, True)
            self._follow({"kinds": list(LEASE_KINDS)}, True, False)
        self._note_status(bus.status)
        self._forget_status = bus.watch_status(self._note_status)

    @classmethod
    async def open(cls, bus: BusClient, filter: Filter, follows_leases: bool) -> Mirror:
        """The mirror once it is complete. Raises BusError where the bus refuses it; nothing of it is left then."""
        mirror = cls(bus, filter, follows_leases)
        try:
            await mirror._run()
        except BaseException:
            mirror._ended(None)
            raise
        return mirror

    @property
    def status(self) -> MirrorStatus:
        """How far it can be believed."""
        return self._end or self._lost or MirrorLive()

    @property
    def version(self) -> int:
        """Grows with every change, of records and of leases."""
        return self._version

    async def closed(self) -> BusError | None:
        """Returns when it has ended, with the error that ended it, or `None` where it was closed."""
        return await asyncio.shield(self._closed)

    def get(self, kind: str, id: str) -> Record | None:
        record = self._views[0].get(read_kind(kind, "get"), id)
        return record if record is not None and self._is_shown(record) else None

    def all(self, kind: str) -> list[Record]:
        """All records of a kind, ordered by id."""
        known = read_kind(kind, "all")
        found = [record for record in self._views[0].all() if record.kind == known and self._is_shown(record)]
        return sorted(found, key=lambda record: order(record.id))

    @property
    def moment(self) -> Moment:
        """The server's clock, and how far what is known reaches."""
        now = self._bus.server_now()
        # Never by this clock: a lease ends here when the server has said everything up to its end.
        complete_until = min(now, *(view.proven_until for view in self._views))
        status = self._bus.status
        is_seen = (
            self._lost is None
            and self._end is None
            and isinstance(status, Live)
            and status.is_seeing
            and all(view.is_current for view in self._views)
        )
        return Moment(now, complete_until, () if is_seen else LEASE_KINDS)

    def holders(self, address: str, *, branch: str | None = None, context: AddressContext = _NO_CONTEXT) -> list[Lease]:
        """
        Who holds an address, as far as this mirror knows (`status`), the first to end first. That the list is empty may mean
        that it is not known: `holding` tells the two apart, and `BusClient.holders` asks the disk.
        """
        return list(self.holding(address, branch=branch, context=context).holders)

    def holding(
        self,
        address: str,
        *,
        branch: str | None = None,
        context: AddressContext = _NO_CONTEXT,
        at: Moment | None = None,
    ) -> Holding:
        """
        The same, with whether the address is free: `unknown` while the bus is away, or cannot see or read what decides. `at` is
        the moment in question, by default now. Raises BusError `bad-option` where the text is no address.
        """
        self._need_leases()
        _check_branch(branch)
        return self._leases.holding(read_addresses(address, context), at or self.moment, branch)

    def leases(self, *, branch: str | None = None) -> list[Lease]:
        """All leases that hold, as far as this mirror knows, the first to end first."""
        self._need_leases()
        _check_branch(branch)
        return self._leases.held(self.moment, branch)

    def lease(self, id: str) -> Lease | None:
        """What lease a reservation is at this moment, also one that has lapsed or is released."""
        self._need_leases()
        return self._leases.lease(id, self.moment)

    async def when_free(
        self, address: str, *, branch: str | None = None, context: AddressContext = _NO_CONTEXT
    ) -> None:
        """
        Returns when nobody holds the address, nor anything that it covers: when a bus that can be reached says so of what is on
        disk now. While it cannot be reached, or does not know, the wait goes on. Bound it with `asyncio.wait_for`.

        Raises BusError `closed` where the mirror is closed; what ended the mirror; `bad-option` where the text is no address.
        """
        self._need_leases()
        self._bus.connection.check_loop()
        _check_branch(branch)
        addresses = read_addresses(address, context)
        while True:
            if self._end is not None:
                raise self._end.error or BusError("closed", f"stopped waiting for {address}", "open another mirror")
            holding = self._leases.holding(addresses, self.moment, branch)
            # Of one whose time has passed the server may not have said that it has ended: it is asked, once no other holds.
            known = next((lease for lease in holding.holders if lease.state != "unknown"), None)
            if known is not None:
                with self._lease_change(known.effective_expiry_ms) as changed:
                    await changed
                continue
            # What changes while the disk is being asked is not missed. A bus that does not know is asked again.
            with self._lease_change(self.moment.now + _ASK_AGAIN_MS) as changed:
                if await self._is_confirmed_free(address, branch, context, changed):
                    return
                await changed

    def subscribe(self, watcher: Callable[[list[Change]], None]) -> Cancel:
        """
        Calls with every set of differences until the returned function is called; the set is empty where only leases have
        changed. What a watcher raises is logged, and touches nobody else.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    async def close(self) -> None:
        self._ended(None)

    async def __aenter__(self) -> Mirror:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended(None)

    # ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self, filter: Filter, decides_leases: bool, is_told: bool) -> None:
        subscription = Subscription(self._bus.connection, SubscribeOptions(filter))

        def changed(changes: list[Change]) -> None:
            if decides_leases:
                self._take_leases(changes)
            self._tell(self._shown(changes) if is_told else [])

        self._views.append(RecordView(subscription, changed))

    async def _run(self) -> None:
        """Returns when every view is complete. What ends one of them ends the mirror."""
        loop = asyncio.get_running_loop()
        complete: list[asyncio.Future[None]] = []
        for view in self._views:
            future: asyncio.Future[None] = loop.create_future()
            complete.append(future)
            self._tasks.append(loop.create_task(self._read(view, future)))
        await asyncio.gather(*complete)
        self._is_open = True

    async def _read(self, view: RecordView, complete: asyncio.Future[None]) -> None:
        def synced() -> None:
            if not complete.done():
                complete.set_result(None)

        try:
            await view.run(synced)
            # A subscription that ends without an error ends with its client, or with its mirror.
            status = self._bus.status
            error = status.error if isinstance(status, Closed) else None
        except BusError as fault:
            error = fault
        self._ended(error)
        if not complete.done():
            complete.set_exception(error or BusError("closed", "the mirror was closed", "open another"))

    def _ended(self, error: BusError | None) -> None:
        if self._end is not None:
            return
        is_fault = error is not None and error.code != "closed"
        self._end = MirrorClosed(error if is_fault else None)
        self._forget_status()
        for view in self._views:
            view.end()
        if not self._closed.done():
            self._closed.set_result(self._end.error)
        for watcher in list(self._lease_watchers):
            watcher()
        # Who shows the mirror shows that it has ended.
        if is_fault and self._is_open:
            self._tell([])

    def _note_status(self, status: Status) -> None:
        if isinstance(status, Live):
            self._lost = None
        elif self._lost is None:
            cause = getattr(status, "cause", None) or status.state
            self._lost = MirrorUnknown(self._bus.clock.now(), cause)

    # ── what it shows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_shown(self, record: Record) -> bool:
        if self._shows_all or len(self._views) > 1:
            return True
        return all(
            value in self._filter.get(field, (value,)) for field, value in (("kinds", record.kind), ("ids", record.id))
        )

    def _shown(self, changes: list[Change]) -> list[Change]:
        return [change for change in changes if any(self._is_shown(r) for r in (change.before, change.after) if r)]

    def _take_leases(self, changes: list[Change]) -> None:
        for change in changes:
            if change.after is not None:
                record = change.after
                self._leases.put(record.kind, record.id, record.data, record.problem)
            elif change.before is not None:
                self._leases.drop(change.before.kind, change.before.id)

    def _tell(self, changes: list[Change]) -> None:
        self._version += 1
        for told in list(self._lease_watchers):
            told()
        for watcher in list(self._watchers):
            # Another one may have removed it.
            if watcher in self._watchers:
                self._bus.connection.guard("a watcher of a mirror", lambda call=watcher: call(changes))  # type: ignore[misc]

    def _need_leases(self) -> None:
        if not self._follows_leases:
            raise BusError("bad-option", "this mirror follows no leases (leases=False)", "open one that does")

    async def _is_confirmed_free(
        self, address: str, branch: str | None, context: AddressContext, changed: asyncio.Future[None]
    ) -> bool:
        """Whether a bus that is there says so, of what is on disk now. The end of the mirror ends the question."""
        asking = asyncio.ensure_future(self._bus.holding(address, branch=branch, context=context))
        ended = asyncio.ensure_future(self.closed())
        try:
            await asyncio.wait({asking, ended}, return_when=asyncio.FIRST_COMPLETED)
            return asking.done() and not ended.done() and asking.result().free == "yes"
        finally:
            for task in (asking, ended):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, BusError):
                    await task

    @contextlib.contextmanager
    def _lease_change(self, ends_at: int | None) -> Iterator[asyncio.Future[None]]:
        """A future that is done when a lease was changed, or the first of them may have lapsed."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not changed.done():
                changed.set_result(None)

        left = _MAX_WAIT_MS if ends_at is None else min(_MAX_WAIT_MS, max(0, ends_at - self.moment.now) + 1)
        cancel = self._bus.clock.after(left, done)
        self._lease_watchers.append(done)
        try:
            yield changed
        finally:
            self._lease_watchers.remove(done)
            cancel()
