"""A bus for tests: the server's side of the wire, in the process of its clients."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..backoff import Backoff
from ..bus_client import BusClient
from ..bus_error import BusError
from ..dial import Channel, ChannelEnd
from ..filter import Filter, read_filter, read_kind, read_record
from ..wire import (
    BATCH,
    COMPLETE,
    ERROR,
    EVENTS,
    HEARTBEAT,
    INSPECT,
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
)
from .fake_store import EPOCH, Store, Transition
from .manual_clock import ManualClock
from .record_file import read_as_file

_VERSION: Final = "0.1.0"
#: So rare that a client misses none while the clock is advanced; each change and each advance sends one.
_HEARTBEAT_MS: Final = 10**12
_GLOB: Final = re.compile(r"!|\./|.*[*?\[{(\\\"]", re.DOTALL)


class FakeBus:
    """Belongs to the event loop in which it is used."""

    def __init__(self) -> None:
        self.clock: Final = ManualClock()
        self.clock.advanced = self._beat
        self._store = Store(self.clock)
        self._channels: list[_FakeChannel] = []
        self._state = "watching"
        self._is_over = False

    async def connect(self, *, name: str | None = None, max_attempts: int | None = None) -> BusClient:
        """A client of this bus, connected, on this bus's clock. It dials again at once."""
        client = BusClient(
            self._dial,
            name=name,
            max_attempts=max_attempts,
            clock=self.clock,
            backoff=Backoff(first_ms=0, longest_ms=0),
        )
        await client.open()
        return client

    def put(self, kind: str, id: str, data: Mapping[str, Any]) -> None:
        """
        A record appears, or changes, as if this were in its file: what no record can have is a problem. Raises BusError `bad-option`
        for an id that no file has: a server would never show it.
        """
        read_record(kind, id, "put")
        read, problem = read_as_file(data)
        if problem is None:
            self._change(kind, id, read, None)
        else:
            self.corrupt(kind, id, problem)

    def remove(self, kind: str, id: str) -> None:
        self._change(kind, id, None, None)

    def corrupt(self, kind: str, id: str, problem: str = "unreadable") -> None:
        """A record's file can no longer be read as one."""
        known = self._store.records.get((read_kind(kind, "corrupt"), id))
        self._change(kind, id, {} if known is None else known.data, problem)

    def look(self, state: str = "watching") -> None:
        """What the bus can see from now on: `watching`, everything; `suspect`, not everything; `gone`, nothing."""
        self._state = state
        self._store.is_seeing = state == "watching"
        self._publish(self._store.expire())

    async def drop(self) -> None:
        """Breaks every connection. Clients dial again when the clock is advanced, even by 0 ms."""
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
            "epoch": EPOCH,
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
        at = f"{EPOCH}:{since}" if mode == "replay" else self._store.cursor
        channel.deliver([SUBSCRIBED, sub, sub, mode, at, *([why] if why else [])])
        past = self._store.snapshot() if snapshot else self._store.history[since:] if why is None else []
        views = [view for view in (self._store.view(transition, filter) for transition in past) if view is not None]
        subscription.send(channel, views, in_batch=True)
        if sub in channel.subscriptions:
            channel.deliver([SYNCED, sub, self._store.revision, 0])

    def _change(self, kind: str, id: str, data: dict[str, Any] | None, problem: str | None) -> None:
        self._publish(self._store.change(read_kind(kind, "a record"), id, data, problem))
        self._store.arm(lambda: self._publish(self._store.expire()))

    def _publish(self, transitions: list[Transition]) -> None:
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

    def size_of(self, message: Message) -> int:
        return len(json.dumps(message))

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
    filter: Filter
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
