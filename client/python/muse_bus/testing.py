"""
A bus for tests, in process: no files, no port, a clock to turn and a connection to drop.

    fake = FakeBus()
    bus = await fake.connect()
    fake.put("reservation", "r1", {"run_id": "agent-1", "expires_at": fake.clock.in_future(60_000)})
    fake.clock.advance(60_000)  # the lease lapses
    await bus.sync()  # and the client has heard of it

It speaks the protocol, with one shortcoming: a filter's addresses are compared as texts, and one that is a glob is refused. It
answers no `inspect`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .bus_client import BusClient
from .bus_error import BusError
from .clock import Cancel
from .connection import Backoff
from .dial import Channel, ChannelEnd
from .filter import read_filter, read_kind
from .swarm import LeaseTable, Moment, iso_date
from .swarm.fields import text_field
from .swarm.text import order
from .wire import (
    BATCH,
    COMPLETE,
    ERROR,
    EVENT_TYPES,
    EVENTS,
    HEARTBEAT,
    INSPECT,
    KINDS,
    LEASE_KINDS,
    PING,
    PONG,
    SUBSCRIBE,
    SUBSCRIBED,
    SYNC,
    SYNC_DONE,
    SYNCED,
    UNSUBSCRIBE,
    WELCOME,
    Message,
    parse_cursor,
)

_EPOCH: Final = "fake"
_VERSION: Final = "0.1.0"
#: 2026-01-01T00:00:00Z
_BEGINNING_MS: Final = 1_767_225_600_000
#: So rare that a client misses none while the clock is turned; each change and each turn sends one.
_HEARTBEAT_MS: Final = 10**12
_GLOB: Final = re.compile(r"!|\./|.*[*?\[{(\\\"]", re.DOTALL)


class TurnableClock:
    """A clock that stands still until it is turned. It starts at 2026-01-01T00:00:00Z."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._timers: dict[int, tuple[float, Callable[[], None]]] = {}
        self._next_timer = 0
        #: Called whenever it has been turned.
        self.turned: Callable[[], None] = lambda: None

    def now(self) -> int:
        return _BEGINNING_MS + int(self._elapsed)

    def elapsed(self) -> float:
        return self._elapsed

    def after(self, delay_ms: float, call: Callable[[], None]) -> Cancel:
        timer = self._next_timer
        self._next_timer += 1
        self._timers[timer] = (self._elapsed + max(0, delay_ms), call)
        return lambda: self._forget(timer)

    def in_future(self, ms: int) -> str:
        """A moment so many milliseconds from now, as records write it."""
        return iso_date(self.now() + ms) or ""

    def advance(self, ms: float) -> None:
        """Lets time pass; every timer fires at its own moment."""
        end = self._elapsed + ms
        while self._timers:
            timer, (at, call) = min(self._timers.items(), key=lambda one: (one[1][0], one[0]))
            if at > end:
                break
            del self._timers[timer]
            self._elapsed = max(self._elapsed, at)
            call()
        self._elapsed = end
        self.turned()

    def _forget(self, timer: int) -> None:
        self._timers.pop(timer, None)


class FakeBus:
    """Belongs to the event loop in which it is used."""

    def __init__(self) -> None:
        self.clock: Final = TurnableClock()
        self.clock.turned = self._beat
        self._store = _Store(self.clock)
        self._channels: list[_FakeChannel] = []
        self._state = "watching"
        self._is_over = False

    async def connect(self, *, name: str | None = None, max_attempts: int | None = None) -> BusClient:
        """A client of this bus, connected, on this bus's clock. It dials again at once."""
        client = BusClient(
            self._dial, name=name, max_attempts=max_attempts, clock=self.clock, backoff=Backoff(first_ms=0, longest_ms=0)
        )
        await client.open()
        return client

    def put(self, kind: str, id: str, data: Mapping[str, Any]) -> None:
        """A record appears, or changes."""
        self._change(kind, id, json.loads(json.dumps(dict(data))), None)

    def remove(self, kind: str, id: str) -> None:
        self._change(kind, id, None, None)

    def spoil(self, kind: str, id: str, problem: str = "unreadable") -> None:
        """A record's file can no longer be read as one."""
        known = self._store.records.get((read_kind(kind, "spoil"), id))
        self._change(kind, id, {} if known is None else known.data, problem)

    def look(self, state: str = "watching") -> None:
        """What the bus can see from now on: `watching`, everything; `suspect`, not everything; `gone`, nothing."""
        self._state = state
        self._store.is_seeing = state == "watching"
        self._publish(self._store.expire())

    async def drop(self) -> None:
        """Every connection breaks. Clients dial again when the clock is turned, be it by nothing."""
        await self._hang_up(1006, "")

    async def stop(self) -> None:
        """The server goes away for good: clients that dial again reach nobody."""
        self._is_over = True
        await self._hang_up(1001, "shutdown")

    # ── its side of the wire ──────────────────────────────────────────────────────────────────────────────────────────

    async def _dial(self) -> Channel:
        if self._is_over:
            raise BusError("unreachable", "the bus in this process has been stopped", "start another")
        channel = _FakeChannel(self)
        self._channels.append(channel)
        welcome = {
            "protocol": 1,
            "server": _VERSION,
            "epoch": _EPOCH,
            "revision": self._store.revision,
            "now": self.clock.now(),
            "backend": "fake",
            "heartbeat_ms": _HEARTBEAT_MS,
            "limits": {},
            "features": ["names", "nonces", "leases"],
            "connection": 1,
        }
        channel.deliver([WELCOME, welcome])
        channel.deliver(self._heartbeat())
        return channel

    def take(self, channel: _FakeChannel, message: Message) -> None:
        """What a client sends."""
        message_type, number, *rest = (*message, None)
        if message_type == SUBSCRIBE:
            self._subscribe(channel, number, rest[0] or {})
        elif message_type == UNSUBSCRIBE and number in channel.subscriptions:
            channel.subscriptions[number].complete(channel, "unsubscribed")
        elif message_type == UNSUBSCRIBE:
            channel.deliver([ERROR, number, "unknown-subscription", f"there is no subscription {number}"])
        elif message_type == SYNC:
            channel.deliver(self._heartbeat())
            channel.deliver([SYNC_DONE, number, self._store.cursor])
        elif message_type == PING:
            channel.deliver([PONG, number, self.clock.now()])
        elif message_type == INSPECT:
            channel.deliver([ERROR, None, "bad-option", "the fake bus answers no inspections", number])

    def forget(self, channel: _FakeChannel) -> None:
        if channel in self._channels:
            self._channels.remove(channel)

    def _subscribe(self, channel: _FakeChannel, sub: int, options: dict[str, Any]) -> None:
        try:
            filter = read_filter(**(options.get("filter") or {}))
        except (BusError, TypeError) as error:
            channel.deliver([ERROR, sub, "bad-option", getattr(error, "message", str(error))])
            return
        globs = [address for address in filter.get("addresses", ()) if _GLOB.match(address)]
        if globs:
            text = f"the fake bus compares addresses as texts, and {globs[0]!r} is a glob"
            channel.deliver([ERROR, sub, "bad-option", text])
            return
        subscription = _Served(sub, filter, options.get("max_events"))
        channel.subscriptions[sub] = subscription
        mode, since, why = self._store.judge(options.get("since"))
        snapshot = mode != "replay" and options.get("snapshot", "full") == "full"
        if mode == "snapshot" and not snapshot:
            mode = "replay"
        at = f"{_EPOCH}:{since}" if mode == "replay" else self._store.cursor
        channel.deliver([SUBSCRIBED, sub, sub, mode, at, *([why] if why else [])])
        past = self._store.snapshot() if snapshot else self._store.history[since:] if why is None else []
        views = [view for view in (self._store.view(transition, filter) for transition in past) if view is not None]
        subscription.send(channel, views, in_batch=True)
        if sub in channel.subscriptions:
            channel.deliver([SYNCED, sub, self._store.revision, 0])

    def _change(self, kind: str, id: str, data: dict[str, Any] | None, problem: str | None) -> None:
        self._publish(self._store.change(read_kind(kind, "a record"), id, data, problem))
        self._store.arm(lambda: self._publish(self._store.expire()))

    def _publish(self, transitions: list[_Transition]) -> None:
        for channel in list(self._channels):
            for subscription in list(channel.subscriptions.values()):
                views = (self._store.view(transition, subscription.filter) for transition in transitions)
                subscription.send(channel, [view for view in views if view is not None], in_batch=False)
        self._beat()

    def _beat(self) -> None:
        for channel in self._channels:
            channel.deliver(self._heartbeat())

    def _heartbeat(self) -> Message:
        is_healthy = self._state == "watching"
        health = {"backend": "fake", "healthy": is_healthy, "last_scan_ms": self.clock.now(), "state": self._state}
        return [HEARTBEAT, self._store.revision, self.clock.now(), health]

    async def _hang_up(self, code: int, reason: str) -> None:
        """Returns when every client knows."""
        channels, self._channels = self._channels, []
        for channel in channels:
            channel.hang_up(code, reason)
        for channel in channels:
            await channel.ended.wait()


class _FakeChannel:
    """Messages as they would be after the wire: nothing of them is shared."""

    def __init__(self, bus: FakeBus) -> None:
        self._bus = bus
        self._messages: asyncio.Queue[Message | ChannelEnd] = asyncio.Queue()
        self.subscriptions: dict[int, _Served] = {}
        #: The client knows that it is over.
        self.ended: Final = asyncio.Event()

    def deliver(self, message: Message) -> None:
        self._messages.put_nowait(json.loads(json.dumps(message)))

    def hang_up(self, code: int, reason: str) -> None:
        self._messages.put_nowait(ChannelEnd(code, reason))

    def send(self, message: Message) -> None:
        self._bus.take(self, json.loads(json.dumps(message)))

    async def receive(self) -> Any:
        message = await self._messages.get()
        if isinstance(message, ChannelEnd):
            self.ended.set()
            raise message
        return message

    async def close(self) -> None:
        self.ended.set()
        self._bus.forget(self)


@dataclass
class _Served:
    """One subscription, on the server's side; its number is its group's, too."""

    sub: int
    filter: dict[str, list[str]]
    max_events: int | None
    delivered: int = 0
    index: int = 0

    def send(self, channel: _FakeChannel, views: list[Message], in_batch: bool) -> None:
        left = len(views) if self.max_events is None else self.max_events - self.delivered
        sent = views[:left]
        if sent and in_batch:
            channel.deliver([BATCH, self.sub, 1, sent])
        elif sent:
            channel.deliver([EVENTS, self.sub, self.index, sent])
            self.index += len(sent)
        self.delivered += len(sent)
        if self.max_events is not None and self.delivered >= self.max_events:
            self.complete(channel, "max_events")

    def complete(self, channel: _FakeChannel, reason: str) -> None:
        del channel.subscriptions[self.sub]
        channel.deliver([COMPLETE, self.sub, reason, self.delivered])


@dataclass(frozen=True)
class _Stored:
    kind: str
    id: str
    data: dict[str, Any]
    problem: str | None
    revision: int
    lease: list[Any] | None = None
    #: What a heartbeat or release without a run or branch has from its reservation.
    followed: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Transition:
    revision: int
    event_type: str
    before: _Stored | None
    after: _Stored | None
    time_ms: int


class _Store:
    """Records, what happened to them, and their leases."""

    def __init__(self, clock: TurnableClock) -> None:
        self._clock = clock
        self._leases = LeaseTable()
        #: Whether each reservation holds, as was last announced.
        self._held: dict[str, bool] = {}
        self._disarm: Cancel = lambda: None
        self.records: dict[tuple[str, str], _Stored] = {}
        self.history: list[_Transition] = []
        self.is_seeing = True

    @property
    def revision(self) -> int:
        return len(self.history)

    @property
    def cursor(self) -> str:
        return f"{_EPOCH}:{self.revision}"

    def judge(self, since: str | None) -> tuple[str, int, str | None]:
        """How to begin: mode, the revision to go on after, and why not from there."""
        if since is None:
            return "snapshot", self.revision, None
        epoch, revision = parse_cursor(since) or ("", 0)
        if epoch != _EPOCH:
            return "resync", self.revision, "epoch"
        return ("replay", revision, None) if revision <= self.revision else ("resync", self.revision, "future")

    def snapshot(self) -> list[_Transition]:
        now = self._clock.now()
        standing = sorted(self.records.values(), key=lambda one: (KINDS.index(read_kind(one.kind, "")), order(one.id)))
        return [_Transition(one.revision, "snapshot", None, self._with_lease(one), now) for one in standing]

    def change(self, kind: str, id: str, data: dict[str, Any] | None, problem: str | None) -> list[_Transition]:
        before = self.records.get((kind, id))
        if data is None:
            if before is None:
                return []
            del self.records[kind, id]
            self._leases.drop(kind, id)
            if kind == "reservation":
                self._held.pop(id, None)
            return [self._note("removed", before, None), *self._announce()]
        self._leases.put(kind, id, data, problem)
        after = _Stored(kind, id, data, problem, self.revision + 1, followed=self._followed(kind, id, data))
        self.records[kind, id] = after
        changed = self._note("added" if before is None else "modified", before, after)
        if kind == "reservation":
            # One that has ended when it is first seen, or that its own record ends or revives, is not announced.
            self._held[id] = self._holds(id)
        return [changed, *self._announce()]

    def expire(self) -> list[_Transition]:
        return self._announce()

    def arm(self, expire: Callable[[], None]) -> None:
        """For the end of the lease that ends first."""
        self._disarm()
        ends = [lease.effective_expiry_ms for lease in self._leases.held(self._moment)]
        first = min((end for end in ends if end is not None and end > self._clock.now()), default=None)

        def fire() -> None:
            expire()
            self.arm(expire)

        if first is not None:
            self._disarm = self._clock.after(first - self._clock.now(), fire)

    def view(self, transition: _Transition, filter: dict[str, list[str]]) -> Message | None:
        """What a filter shows of a transition."""
        before, after = transition.before, transition.after
        was, is_in = before is not None and _passes(filter, before), after is not None and _passes(filter, after)
        event_type, reason, shown = transition.event_type, None, after
        if event_type in ("snapshot", "expired", "revived"):
            if not is_in:
                return None
            reason = "ttl" if event_type == "expired" else None
        elif was and not is_in:
            event_type, shown = "removed", before
            reason = "deleted" if after is None else "left-filter"
        elif is_in and not was:
            event_type = "added"
        elif not is_in:
            return None
        if shown is None or event_type not in filter.get("event_types", EVENT_TYPES):
            return None
        wire: Message = [
            transition.revision,
            EVENT_TYPES.index(event_type),
            KINDS.index(read_kind(shown.kind, "")),
            shown.id,
            transition.time_ms,
            shown.data,
            reason,
            shown.problem,
            None,
            None if event_type == "removed" and shown.kind == "reservation" else shown.lease,
        ]
        while wire[-1] is None:
            wire.pop()
        return wire

    @property
    def _moment(self) -> Moment:
        return Moment(self._clock.now(), unseen=() if self.is_seeing else LEASE_KINDS)

    def _holds(self, id: str) -> bool:
        lease = self._leases.lease(id, self._moment)
        return lease is not None and lease.is_held

    def _announce(self) -> list[_Transition]:
        """The leases that have ended by time, and those that hold again."""
        found: list[_Transition] = []
        for (of_kind, record_id), stored in list(self.records.items()):
            if of_kind != "reservation":
                continue
            held = self._held.get(record_id, False)
            lease = self._leases.lease(record_id, self._moment)
            holds = lease is not None and lease.is_held
            self._held[record_id] = holds
            if held and not holds and lease is not None and lease.state == "lapsed":
                found.append(self._note("expired", stored, stored))
            elif holds and not held:
                found.append(self._note("revived", stored, stored))
        return found

    def _note(self, event_type: str, before: _Stored | None, after: _Stored | None) -> _Transition:
        shown = None if after is None else self._with_lease(after)
        past = None if before is None else self._with_lease(before)
        transition = _Transition(self.revision + 1, event_type, past, shown, self._clock.now())
        self.history.append(transition)
        if after is not None:
            self.records[after.kind, after.id] = _Stored(
                after.kind, after.id, after.data, after.problem, transition.revision, followed=after.followed
            )
        return transition

    def _with_lease(self, stored: _Stored) -> _Stored:
        reservation = self._reservation_of(stored.kind, stored.id, stored.data)
        lease = None if reservation is None else self._leases.lease(reservation, self._moment)
        if lease is None:
            return stored
        wire: list[Any] = [lease.state, lease.effective_expiry_ms, lease.extended_by]
        if stored.kind != "reservation":
            wire.append(reservation)
        return _Stored(
            stored.kind, stored.id, stored.data, stored.problem, stored.revision, wire, stored.followed
        )

    def _reservation_of(self, kind: str, id: str, data: Mapping[str, Any]) -> str | None:
        """Id of the reservation that a record is or names."""
        if kind == "reservation":
            return id
        name = text_field(data, "reservation_id") or (id if kind == "heartbeat" and data else None)
        if kind not in ("heartbeat", "release") or name is None:
            return None
        named = [
            stored.id
            for stored in self.records.values()
            if stored.kind == "reservation" and (text_field(stored.data, "reservation_id") or stored.id) == name
        ]
        return min(named, key=order, default=None)

    def _followed(self, kind: str, id: str, data: Mapping[str, Any]) -> Mapping[str, str | None]:
        """Fixed when the record is read."""
        reservation = None if kind == "reservation" else self._reservation_of(kind, id, data)
        if reservation is None:
            return {}
        of = self.records["reservation", reservation].data
        return {"run_id": text_field(of, "run_id"), "branch": text_field(of, "branch")}


def _passes(filter: dict[str, list[str]], record: _Stored) -> bool:
    """Whether a record has one of the wanted values of every field."""

    def has(name: str, *values: str | None) -> bool:
        return name not in filter or any(value in filter[name] for value in values)

    def own(name: str) -> str | None:
        return text_field(record.data, name) or record.followed.get(name)

    addresses = record.data.get("addresses", [])
    texts = [addresses] if isinstance(addresses, str) else addresses if isinstance(addresses, list) else []
    return (
        has("kinds", record.kind)
        and has("ids", record.id)
        and has("run_ids", own("run_id"))
        and has("branches", own("branch"))
        and has("addresses", *(text for text in texts if isinstance(text, str)))
    )
