"""The events that match a filter, for one reader, over any number of connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from .bus_error import BusError
from .connection import Connection
from .event import Event, Origin, Resync, Synced, Update, is_known_event, read_event
from .wire import Message, parse_cursor

WhenFull = Literal["wait", "latest", "fail"]


@dataclass(frozen=True)
class Completion:
    """How a subscription ended. `delivered`: the events received in all, but those of a snapshot that came again."""

    reason: Literal["max_events", "unsubscribed", "closed"]
    delivered: int


@dataclass(frozen=True)
class SubscribeOptions:
    filter: Mapping[str, list[str]]
    max_events: int | None = None
    since: str | None = None
    snapshot: Literal["full", "none"] = "full"
    buffer_size: int = 1_024
    when_full: WhenFull = "wait"

    @property
    def knows_what_stands(self) -> bool:
        """Whether the events name every record that matches: they begin with a snapshot, and not after an earlier reader's cursor."""
        types = self.filter.get("event_types")
        return self.since is None and self.snapshot == "full" and (types is None or "snapshot" in types)


@dataclass
class _Entry:
    update: Update
    #: Where to resume once this has been consumed.
    cursor: str | None
    #: The last of what came in one frame.
    ends_frame: bool = False


#: `snapshot`: the last event of it is held back until it is known to be the last. `paused`: left on the server because the
#: buffer is full.
_Phase = Literal["snapshot", "changes", "paused", "ended"]


class Subscription:
    """
    An async iterable of :class:`Event`, for one reader. It outlives broken connections; what a resync has taken away is told as
    removed (`observed` is `resync`). A loop that is left does not end it: another goes on where the first was left. `close`,
    `async with` and closing the client end it.

    An event is consumed when the reader asks for the next one; `cursor` is the place after the last event that was. Whoever is
    done with an event, and asks for no more, keeps `event.cursor`.
    """

    def __init__(self, connection: Connection, options: SubscribeOptions) -> None:
        self._connection = connection
        self._options: Final = options
        self._entries: deque[_Entry] = deque()
        self._wake: asyncio.Event = asyncio.Event()
        self._phase: _Phase = "snapshot"
        self._held: Message | None = None
        #: Where to resume on the wire: everything up to here has been received.
        self._received = options.since
        self._consumed = options.since
        self._count = 0
        #: Of them, those of a snapshot that is not complete.
        self._in_snapshot = 0
        self._origin = Origin("", "")
        #: All that happened up to here on the server's clock has been received; and has been consumed.
        self._received_until = 0
        self._proven_until = 0
        self._generation = 0
        #: The generation in which the last synced mark came.
        self._synced_in = -1
        #: Given to the reader, who has not asked for the next one.
        self._handed_out: _Entry | None = None
        self._has_reader = False
        self._events: AsyncIterator[Event] | None = None
        self._completion: Completion | None = None
        self._error: BusError | None = None
        connection.add(self)

    @property
    def cursor(self) -> str | None:
        """Resume after what the reader has consumed; `None` until a snapshot is complete."""
        return self._consumed

    @property
    def completion(self) -> Completion | None:
        """How it ended, or `None` while it has not, or where it failed."""
        return self._completion

    async def close(self) -> None:
        """Ends the subscription; the reader's loop ends with what was received before."""
        self.end()

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entries.clear()
        self.end()

    def end(self) -> None:
        if self._phase != "ended":
            self._connection.remove(self)
            self._finish(Completion("closed", self._count))

    def __aiter__(self) -> AsyncIterator[Event]:
        """The events, one by one. One reader, of this or of `updates`."""
        if self._events is None:
            self._events = self._read_events()
        return self._events

    async def _read_events(self) -> AsyncIterator[Event]:
        #: What the reader has been told stands, and, while a new snapshot comes in, what it was told before.
        standing: dict[tuple[str, str], Event] = {}
        before: dict[tuple[str, str], Event] | None = None
        async for update in self.updates():
            if isinstance(update, Event):
                if update.event_type == "removed":
                    standing.pop((update.kind, update.id), None)
                elif self._options.knows_what_stands:
                    standing[update.kind, update.id] = replace(update, data={})
                yield update
            elif isinstance(update, Resync):
                self._check_can_resync(update)
                # A snapshot that was cut has shown some of what stands; what stood before it may still have to be taken back.
                before = {**(before or {}), **standing}
                standing = {}
            elif before is not None:
                gone = [event for key, event in before.items() if key not in standing]
                before = None
                for at, event in enumerate(gone, 1):
                    yield self._removal(event, update.cursor, at == len(gone))

    async def updates(self) -> AsyncIterator[Update]:
        """The events together with the marks between them. One reader."""
        self._begin_reading()
        while (entry := await self._next()) is not None:
            self._handed_out = entry
            yield entry.update

    async def batches(self) -> AsyncIterator[list[Update]]:
        """The same, as they have come: what the server told in one frame is never divided. One reader."""
        self._begin_reading()
        while (entry := await self._next()) is not None:
            updates = [entry.update]
            self._handed_out = entry
            while not entry.ends_frame and self._entries:
                entry = self._entries.popleft()
                updates.append(entry.update)
                if entry.cursor is not None:
                    self._handed_out = entry
            yield updates

    # ── for a mirror ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def proven_until(self) -> int:
        """
        Everything that happened up to this moment of the server's clock, and that matches, has been consumed: the server has said
        so, by an event or a heartbeat. Unix milliseconds; 0 before the first.
        """
        return self._proven_until

    @property
    def generation(self) -> int:
        """Counts how often the server has begun to serve it, and has been lost."""
        return self._generation

    @property
    def is_served(self) -> bool:
        """Whether the connection of this generation has served it up to a synced mark, be that read or not."""
        return self._synced_in == self._generation

    # ── its reader ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_reading(self) -> None:
        if self._has_reader:
            raise BusError("closed", "a subscription has one reader", "subscribe once more")
        self._has_reader = True

    async def _next(self) -> _Entry | None:
        self._connection.check_loop()
        self._consume()
        while not self._entries:
            if self._phase == "ended":
                error, self._error = self._error, None
                if error is not None:
                    raise error
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._entries.popleft()

    def _consume(self) -> None:
        """The reader asks for the next one: what it was given before has been consumed."""
        if self._handed_out is not None and self._handed_out.cursor is not None:
            self._consumed = self._handed_out.cursor
        self._handed_out = None
        self._catch_up_cursor()
        if self._phase == "paused" and len(self._entries) <= self._options.buffer_size / 2:
            self._phase = "changes"
            self._connection.add(self)

    def _catch_up_cursor(self) -> None:
        """Where nothing waits and nothing is being worked on, all that has been received has been consumed."""
        if self._entries or self._handed_out is not None or self._phase != "changes":
            return
        self._proven_until = self._received_until
        if self._consumed is not None:
            self._consumed = self._received

    def _check_can_resync(self, update: Resync) -> None:
        if self._options.knows_what_stands:
            return
        self.end()
        raise BusError(
            "resync",
            f"what happened meanwhile is gone from the server's history ({update.reason})",
            "read updates(), which show it; or subscribe with snapshot='full', without since",
        )

    def _removal(self, event: Event, synced_at: str, is_last: bool) -> Event:
        epoch, revision = parse_cursor(synced_at) or ("", 0)
        return Event(
            schema_version=self._origin.schema_version,
            event_type="removed",
            kind=event.kind,
            id=event.id,
            time_ms=self._connection.clock.now(),
            data={},
            revision=revision,
            cursor=synced_at if is_last else f"{epoch}:0",
            observed="resync",
        )

    # ── what the connection tells ─────────────────────────────────────────────────────────────────────────────────────

    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = {"filter": dict(self._options.filter), "snapshot": self._options.snapshot}
        if self._options.max_events is not None:
            request["max_events"] = self._options.max_events - self._count
        if self._received is not None:
            request["since"] = self._received
        return request

    def began(self, mode: str, why: str | None) -> None:
        self._in_snapshot = 0
        self._generation += 1
        if mode == "replay":
            self._phase = "changes"
        elif mode == "snapshot":
            self._phase, self._held = "snapshot", None
        else:
            # A mode of a newer server means what resync does: what is known is stale.
            self.resync(why if mode == "resync" and why is not None else "epoch")

    def resync(self, reason: str) -> None:
        self._received = None
        self._phase, self._held = "snapshot", None
        self._push(_Entry(Resync(reason), None))

    def events(self, events: list[Message], origin: Origin) -> None:
        self._origin = origin
        for event in events:
            self._take(event)
        self._end_frame()
        if self._phase == "changes":
            self._check_buffer()

    def synced(self, revision: int, origin: Origin) -> None:
        self._origin = origin
        self._release_held(revision)
        self._in_snapshot = 0
        self._phase = "changes"
        # What it was served from was looked at after the connection began.
        began_at = (self._connection.welcome or {}).get("now", 0)
        self._received_until = max(self._received_until, int(began_at))
        self._received = f"{origin.epoch}:{revision}"
        self._synced_in = self._generation
        self._push(_Entry(Synced(self._received), self._received))
        self._end_frame()

    def mark(self, revision: int, server_now: int) -> None:
        self._received_until = max(self._received_until, server_now)
        position = None if self._received is None else parse_cursor(self._received)
        if self._phase != "changes" or position is None:
            return
        epoch, received = position
        if received < revision:
            self._received = f"{epoch}:{revision}"
        self._catch_up_cursor()

    def interrupted(self) -> None:
        self._generation += 1
        if self._has_all:
            self._connection.remove(self)
            self.completed("max_events")
            return
        if self._phase != "snapshot" or self._in_snapshot == 0:
            return
        # The snapshot comes again whole, so that what was sent of it counts for no cap; changes that waited unread before it go
        # with it.
        waiting = sum(isinstance(entry.update, Event) for entry in self._entries) + (self._held is not None)
        self._entries.clear()
        self._count -= max(self._in_snapshot, waiting)
        self._in_snapshot = 0
        self.resync("interrupted")

    def completed(self, reason: str) -> None:
        self._release_held(None)
        known: Literal["max_events", "unsubscribed"] = "max_events" if reason == "max_events" else "unsubscribed"
        self._finish(Completion(known, self._count))

    def failed(self, error: BusError) -> None:
        if error.code == "closed":
            self._finish(Completion("closed", self._count))
        else:
            self._finish(None, error)

    @property
    def _has_all(self) -> bool:
        """Whether its cap is reached. The server completes such a subscription, and none can be subscribed again for 0 more."""
        return self._options.max_events is not None and self._count >= self._options.max_events

    def _take(self, wire: Message) -> None:
        self._count += 1
        if self._phase == "snapshot":
            self._in_snapshot += 1
        if not is_known_event(wire):
            return
        if self._phase == "snapshot":
            self._release_held(None)
            self._held = wire
        elif self._phase == "changes":
            event = read_event(wire, self._origin)
            self._received = event.cursor
            self._received_until = max(self._received_until, event.time_ms)
            self._push(_Entry(event, event.cursor))

    def _release_held(self, complete_at: int | None) -> None:
        if self._held is None:
            return
        event = read_event(self._held, self._origin, complete_at)
        self._held = None
        self._push(_Entry(event, None if complete_at is None else event.cursor))

    def _push(self, entry: _Entry) -> None:
        """The reader goes on when the whole frame is there: no await is between its parts."""
        self._entries.append(entry)
        self._wake.set()

    def _end_frame(self) -> None:
        if self._entries:
            self._entries[-1].ends_frame = True

    def _check_buffer(self) -> None:
        if len(self._entries) <= self._options.buffer_size:
            return
        if self._options.when_full == "wait":
            if self._has_all:
                return
            self._connection.remove(self)
            self._phase = "paused"
        elif self._options.when_full == "latest":
            self._keep_latest()
        else:
            self._connection.remove(self)
            text = f"more than {self._options.buffer_size} events wait to be consumed"
            advice = "consume faster, or choose when_full='wait' or 'latest'"
            self._finish(None, BusError("overflow", text, advice))

    def _keep_latest(self) -> None:
        """Of several events of one record keeps the last, in its place."""
        seen: set[tuple[str, str]] = set()
        kept: deque[_Entry] = deque()
        for entry in reversed(self._entries):
            if isinstance(entry.update, Event):
                record = (entry.update.kind, entry.update.id)
                if record in seen:
                    continue
                seen.add(record)
            kept.appendleft(entry)
        self._entries = kept

    def _finish(self, completion: Completion | None, error: BusError | None = None) -> None:
        if self._phase == "ended":
            return
        self._phase = "ended"
        self._completion = completion
        self._error = error
        self._wake.set()
