"""
A connection that lasts: dials, dials again when it breaks, subscribes again what was subscribed, and proves by the groups'
indices that nothing is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .backoff import Backoff
from .bus_error import BusError, close_error
from .clock import Cancel, Clock
from .dial import Channel, ChannelEnd, Dial
from .event import Origin
from .fork import close_in_children
from .patience import wait
from .status import Closed, Connecting, Live, Stale, Status
from .subscriber import Subscriber
from .wire import (
    BATCH,
    COMPLETE,
    ERROR,
    EVENTS,
    HEARTBEAT,
    INSPECT,
    INSPECTION,
    NAME,
    PING,
    PONG,
    RESYNC,
    SUBSCRIBE,
    SUBSCRIBED,
    SYNC,
    SYNC_DONE,
    SYNCED,
    UNSUBSCRIBE,
    WELCOME,
    Message,
    integer,
    parse_cursor,
)

#: A heartbeat that is this many intervals late means that the connection is dead.
_HEARTBEATS_MISSED: Final = 2.5
#: After a close that asks for patience, the wait is at least this long.
_LATER_MS: Final = 5_000
#: How long a server may take from the dial to its welcome.
_WELCOME_MS: Final = 20_000
#: How long a server may take to answer after the machine has slept.
_ANSWER_MS: Final = 3_000
_ADVICE: Final = {1009: "no", 4401: "no", 1011: "later", 4429: "later"}
_RETRY: Final = re.compile(r"\bretry=([0-9]{1,6})\b")


@dataclass
class _Route:
    """One subscription on the wire."""

    sub: int
    subscriber: Subscriber
    group: int | None = None
    #: Index of the group's next event; `None` before the synced mark.
    next: int | None = None
    #: Number of the next event of a snapshot or replay.
    next_in_batch: int = 1


@dataclass(frozen=True)
class _Question:
    """What the server has been asked and has not answered; where a connection breaks, the next one asks again."""

    message: Message
    answer: asyncio.Future[Any] = field(repr=False)


class Connection:
    def __init__(
        self,
        dial: Dial,
        *,
        clock: Clock,
        backoff: Backoff,
        max_attempts: float,
        wait_on_first_connect: bool,
        name: str | None,
        logger: logging.Logger,
    ) -> None:
        self._dial = dial
        self.clock: Final = clock
        self.logger: Final = logger
        self._backoff = backoff
        self._max_attempts = max_attempts
        self._wait_on_first_connect = wait_on_first_connect
        self._name = name
        #: What the server said of itself when it was last reached.
        self.welcome: dict[str, Any] | None = None
        self._status: Status = Connecting(attempt=1, delay_ms=0)
        self._watchers: list[Callable[[Status], None]] = []
        self._subscribers: dict[Subscriber, None] = {}
        self._routes: dict[int, _Route] = {}
        self._groups: dict[int, _Route] = {}
        self._questions: dict[int, _Question] = {}
        self._origin = Origin("", "")
        self._channel: Channel | None = None
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        #: Where it was opened. Its socket and its futures belong there.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancel_timer: Cancel = _nothing
        self._attempt = 0
        self._next_sub = 1
        self._next_nonce = 1
        self._pinged_at: float | None = None
        #: The server's wall clock less each of those here, the wall clock and the one that nobody sets.
        self._ahead: tuple[float, float] | None = None
        self._end: BusError | None = None
        self._farewells: set[asyncio.Task[None]] = set()
        #: Counts how often something was heard.
        self._heard = 0

    # ── for its client ────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Returns with the first welcome. A first attempt that fails is the caller's to repeat. Raises BusError."""
        self._loop = asyncio.get_running_loop()
        self._first = self._loop.create_future()
        close_in_children(self)
        self._begin()
        try:
            await self._first
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._first = None

    @property
    def status(self) -> Status:
        return self._status

    def watch_status(self, watcher: Callable[[Status], None]) -> Cancel:
        self._watchers.append(watcher)
        return lambda: _discard(self._watchers, watcher)

    def server_now(self) -> int:
        """
        The server's wall clock, as last heard, and as much later as it is here since. By which of the clocks here is not known
        until it is heard again: they differ where the wall clock is set. The earlier counts, by which leases hold for longer.
        """
        if self._ahead is None:
            return self.clock.now()
        wall, elapsed = self._ahead
        return int(min(self.clock.now() + wall, self.clock.elapsed() + elapsed))

    def close(self, error: BusError | None = None) -> None:
        if self._end is not None:
            return
        self._end = error or BusError("closed", "the client was closed", "connect again")
        self._cancel_timer()
        self._hang_up()
        self._set_status(Closed(error))
        if self._first is not None and not self._first.done():
            self._first.set_exception(self._end)
        for question in self._questions.values():
            if not question.answer.done():
                question.answer.set_exception(self._end)
        self._questions.clear()
        for subscriber in list(self._subscribers):
            subscriber.failed(self._end)
        self._subscribers.clear()

    def forked(self, why: BusError) -> None:
        if self._end is not None:
            return
        self._end = why
        self._status = Closed(why)
        self._watchers.clear()
        self._channel = None
        for subscriber in list(self._subscribers):
            # A loop in debug mode refuses to wake a reader from another thread. None waits in the child.
            with contextlib.suppress(RuntimeError):
                subscriber.failed(why)

    def check_loop(self) -> None:
        """Raises BusError outside of the event loop in which it was opened."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if self._loop is not None and loop is not self._loop:
            text = "the client belongs to the event loop in which it was connected, and was used outside of it"
            raise self._end or BusError("bad-option", text, "connect in this loop, too")

    async def gone(self) -> None:
        """Returns when nothing is left of what was closed."""
        if self._farewells:
            await asyncio.wait(set(self._farewells))

    def add(self, subscriber: Subscriber) -> None:
        """Subscribes now, or as soon as there is a connection."""
        self.check_loop()
        if self._end is not None:
            subscriber.failed(self._end)
            return
        self._subscribers[subscriber] = None
        if isinstance(self._status, Live):
            self._subscribe(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Ends a subscription; nothing more of it is passed on."""
        self._subscribers.pop(subscriber, None)
        for route in [route for route in self._routes.values() if route.subscriber is subscriber]:
            self._send([UNSUBSCRIBE, route.sub])
            self._forget(route)

    async def sync(self, record: tuple[str, str] | None) -> str:
        """The barrier: a cursor that includes what was on disk when it was called. Raises BusError."""
        cursor = await self._ask(SYNC, *(record or ()))
        if isinstance(cursor, str) and parse_cursor(cursor) is not None:
            return cursor
        raise BusError("protocol", f"no cursor: {cursor!r}", "update the client or the server")

    async def inspect(self, topic: str, params: dict[str, Any]) -> Any:
        """Asks the server about itself. Raises BusError."""
        return await self._ask(INSPECT, topic, params)

    async def _ask(self, message_type: int, *about: Any) -> Any:
        if self._end is not None:
            raise self._end
        self.check_loop()
        nonce = self._next_nonce
        self._next_nonce += 1
        question = _Question([message_type, nonce, *about], asyncio.get_running_loop().create_future())
        self._questions[nonce] = question
        try:
            if isinstance(self._status, Live):
                self._send_question(question)
            return await question.answer
        finally:
            self._questions.pop(nonce, None)

    def guard(self, what: str, call: Callable[[], object]) -> None:
        """What a watcher raises is reported, and touches nobody else."""
        try:
            result = call()
            if asyncio.iscoroutine(result):
                result.close()
                raise TypeError("it is async and was not run: give a plain function, which may create a task")
        except Exception:
            self.logger.exception("%s has failed", what)

    # ── dialling ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._attempt += 1
        self._task = asyncio.get_running_loop().create_task(self._live())
        self._cancel_timer = wait(
            self.clock,
            _WELCOME_MS,
            over=lambda: self._abandon(f"no welcome within {_WELCOME_MS} ms"),
            woken=lambda: _ANSWER_MS,
        )

    async def _live(self) -> None:
        """One connection, from the dial to its end."""
        try:
            channel = await self._dial()
            if self._task is not asyncio.current_task():
                await channel.close()
                return
            self._channel = channel
            while True:
                self._receive(await channel.receive())
        except ChannelEnd as end:
            self._disconnected(end.code, end.reason, end.error)
        except BusError as error:
            self._disconnected(1006, "", error)
        except ValueError as error:
            self._violated(f"the other side sent what is no message of a bus: {error}")
        except Exception as error:  # a task that dies alone would leave its client waiting for ever.
            self.logger.exception("the connection has failed")
            self.close(BusError("protocol", f"the connection has failed: {error!r}", "update the client or the server"))

    def _hang_up(self) -> None:
        task, channel = self._task, self._channel
        if task is None:
            return
        self._task = self._channel = None
        is_own = task is asyncio.current_task()
        if not is_own:
            task.cancel()
        farewell = asyncio.get_running_loop().create_task(_farewell(task, channel))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    def _disconnected(self, code: int, reason: str, error: BusError | None = None) -> None:
        if self._end is not None:
            return
        self._task = self._channel = None
        self._cancel_timer()
        self._routes.clear()
        self._groups.clear()
        for subscriber in list(self._subscribers):
            subscriber.interrupted()
        final = error or close_error(code, reason)
        advice = _ADVICE.get(code)
        # Between a server's end and its successor's start there is no endpoint file, or one that nobody stands behind.
        is_between = error is not None and error.code in ("no-endpoint", "untrusted-endpoint")
        is_final = error is not None and not final.retryable and not is_between
        is_first = self._first is not None and not self._first.done() and not self._wait_on_first_connect
        if advice == "no" or is_final or is_first or self._attempt >= self._max_attempts:
            self.close(final)
            return
        asked = _RETRY.search(reason)
        delay_ms = int(asked[1]) if asked else 0
        delay_ms += round(self._backoff.delay_ms(self._attempt + 1)) + (_LATER_MS if advice == "later" else 0)
        self._set_status(Connecting(self._attempt + 1, delay_ms, reason or final.message))
        self._cancel_timer = wait(self.clock, delay_ms, over=self._begin, woken=lambda: 0)

    def _abandon(self, cause: str) -> None:
        """Breaks the connection ourselves, to begin again from what we have."""
        self._set_status(Stale(self.clock.now(), cause))
        self._hang_up()
        self._disconnected(1006, cause)

    def _expect_heartbeat(self) -> None:
        self._cancel_timer()
        self._heard += 1
        heard = self._heard
        interval = (self.welcome or {}).get("heartbeat_ms", 5_000)
        patience_ms = interval * _HEARTBEATS_MISSED
        task = self._task

        def check() -> None:
            if self._task is task and self._heard == heard:
                self._abandon(f"no message for {patience_ms:g} ms")

        # A program that held up the loop has not heard what came meanwhile: that is read first.
        loop = asyncio.get_running_loop()
        self._cancel_timer = wait(self.clock, patience_ms, over=lambda: _soon(loop, check), woken=self._woken)

    def _woken(self) -> float:
        """A server that is still connected after a sleep has to answer soon."""
        self._send([PING, 0])
        return _ANSWER_MS

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _receive(self, message: Any) -> None:
        """A turn of the task may come after its connection was given up: then nothing of it is taken."""
        if self._task is not asyncio.current_task():
            raise asyncio.CancelledError
        if not isinstance(message, list) or not message:
            raise ValueError("it is no array")
        self._expect_heartbeat()
        take = _TAKE.get(integer(message[0]))
        if take is None:
            return
        try:
            take(self, *message[1:])
        except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
            self._violated("a message of the server could not be used", error)
        # What was taken may have ended this connection.
        if self._task is not asyncio.current_task():
            raise asyncio.CancelledError

    def _violated(self, text: str, cause: Exception | None = None) -> None:
        """What the other side says cannot be trusted any more."""
        error = BusError("protocol", text, "is this the url of a bus? update the client or the server")
        error.__cause__ = cause
        self.close(error)

    def _on_welcome(self, welcome: dict[str, Any], *_: Any) -> None:
        self.welcome = welcome
        self._origin = Origin(str(welcome["server"]), str(welcome["epoch"]))
        self._attempt = 0
        self._expect_heartbeat()
        skew = self._hear_time(integer(welcome["now"]))
        if self._name is not None and "names" in welcome.get("features", ()):
            self._send([NAME, self._name])
        self._pinged_at = self.clock.elapsed()
        self._send([PING, 0])
        for subscriber in list(self._subscribers):
            self._subscribe(subscriber)
        for question in list(self._questions.values()):
            self._send_question(question)
        # After what was waiting has been sent: what a watcher asks for now is sent by itself, and once.
        self._set_status(Live(round_trip_ms=0, clock_skew_ms=skew))
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _hear_time(self, server_now: int) -> int:
        """By how much the server's wall clock is ahead of the one here."""
        wall = server_now - self.clock.now()
        self._ahead = (wall, server_now - self.clock.elapsed())
        return wall

    def _on_heartbeat(self, revision: Any, now: Any, health: dict[str, Any], *_: Any) -> None:
        server_now = integer(now)
        skew = self._hear_time(server_now)
        if isinstance(self._status, Live):
            self._set_status(replace(self._status, clock_skew_ms=skew, health=health))
        for route in list(self._routes.values()):
            if route.next is not None:
                route.subscriber.mark(integer(revision), server_now)

    def _on_pong(self, *_: Any) -> None:
        if not isinstance(self._status, Live) or self._pinged_at is None:
            return
        round_trip_ms = self.clock.elapsed() - self._pinged_at
        self._pinged_at = None
        self._set_status(replace(self._status, round_trip_ms=round_trip_ms))

    def _on_answer(self, nonce: Any, value: Any, *_: Any) -> None:
        question = self._questions.get(integer(nonce))
        if question is not None and not question.answer.done():
            question.answer.set_result(value)

    def _on_error(self, sub: Any, code: str, text: str, nonce: Any = None, *_: Any) -> None:
        question = None if nonce is None else self._questions.get(integer(nonce))
        if question is not None and not question.answer.done():
            question.answer.set_exception(BusError(code, text, "change the question"))
        route = None if sub is None else self._routes.get(integer(sub))
        if route is None:
            return
        self._forget(route)
        self._subscribers.pop(route.subscriber, None)
        route.subscriber.failed(BusError(code, text, "change the subscription"))

    def _on_events(self, group: Any, index: Any, events: list[Message], *_: Any) -> None:
        route = self._groups.get(integer(group))
        if route is None:
            return
        first = integer(index)
        if first != route.next:
            self._lost(route, f"events {route.next} to {first - 1} are missing")
            return
        route.next = first + len(events)
        route.subscriber.events(events, self._origin)

    def _on_subscribed(self, sub: Any, group: Any, mode: str, cursor: str, why: str | None = None, *_: Any) -> None:
        route = self._routes.get(integer(sub))
        if route is None:
            return
        route.group = integer(group)
        self._groups[route.group] = route
        route.subscriber.began(mode, why)

    def _on_batch(self, sub: Any, n: Any, events: list[Message], *_: Any) -> None:
        route = self._routes.get(integer(sub))
        if route is None:
            return
        if integer(n) != route.next_in_batch:
            self._lost(route, f"events {route.next_in_batch} to {integer(n) - 1} of a batch are missing")
            return
        route.next_in_batch += len(events)
        route.subscriber.events(events, self._origin)

    def _on_synced(self, sub: Any, revision: Any, index: Any, *_: Any) -> None:
        route = self._routes.get(integer(sub))
        if route is not None:
            route.next = integer(index)
            route.subscriber.synced(integer(revision), self._origin)

    def _on_resync(self, sub: Any, reason: str, *_: Any) -> None:
        route = self._routes.get(integer(sub))
        if route is not None:
            route.next, route.next_in_batch = None, 1
            route.subscriber.resync(reason)

    def _on_complete(self, sub: Any, reason: str, *_: Any) -> None:
        route = self._routes.get(integer(sub))
        if route is None:
            return
        self._forget(route)
        # A server that goes away completes everything; what was not ours to end goes on with the next connection.
        if reason == "shutdown":
            return
        self._subscribers.pop(route.subscriber, None)
        route.subscriber.completed(reason)

    def _lost(self, route: _Route, what: str) -> None:
        """A bug of the server, of this client or of something between: no cursor of it can be relied on."""
        route.subscriber.resync("gap")
        self._abandon(what)

    def _subscribe(self, subscriber: Subscriber) -> None:
        sub = self._next_sub
        self._next_sub += 1
        message: Message = [SUBSCRIBE, sub, subscriber.request()]
        refusal = self._refusal(message)
        if refusal is not None:
            self._subscribers.pop(subscriber, None)
            subscriber.failed(refusal)
            return
        self._routes[sub] = _Route(sub, subscriber)
        self._send(message)

    def _forget(self, route: _Route) -> None:
        self._routes.pop(route.sub, None)
        if route.group is not None and self._groups.get(route.group) is route:
            del self._groups[route.group]

    def _send_question(self, question: _Question) -> None:
        refusal = self._refusal(question.message)
        if refusal is None:
            self._send(question.message)
        elif not question.answer.done():
            question.answer.set_exception(refusal)

    def _refusal(self, message: Message) -> BusError | None:
        """Why a message must not be sent: the server ends a connection over one that is too long, and the next would send it again."""
        most = (self.welcome or {}).get("limits", {}).get("max_payload_bytes")
        if self._channel is None or not isinstance(most, int) or self._channel.size_of(message) <= most:
            return None
        return BusError("limit", f"the message has more than {most} bytes (max_payload_bytes)", "ask for less")

    def _send(self, message: Message) -> None:
        if self._channel is not None:
            self._channel.send(message)

    def _set_status(self, status: Status) -> None:
        before, self._status = self._status, status
        if isinstance(status, Connecting):
            self.logger.warning(
                "not connected: attempt %d in %d ms (%s)", status.attempt, status.delay_ms, status.cause
            )
        elif isinstance(status, Stale):
            self.logger.warning("the connection is given up: %s", status.cause)
        elif isinstance(status, Closed):
            self.logger.log(
                logging.ERROR if status.error else logging.INFO, "closed: %s", status.error or "by this client"
            )
        elif not isinstance(before, Live):
            # A heartbeat says nothing new.
            self.logger.info("connected to epoch %s", self._origin.epoch)
        for watcher in list(self._watchers):
            if watcher in self._watchers:
                self.guard("a watcher of the status", lambda watcher=watcher: watcher(status))  # type: ignore[misc]


_TAKE: Final[dict[int, Callable[..., None]]] = {
    WELCOME: Connection._on_welcome,
    HEARTBEAT: Connection._on_heartbeat,
    PONG: Connection._on_pong,
    SYNC_DONE: Connection._on_answer,
    INSPECTION: Connection._on_answer,
    ERROR: Connection._on_error,
    EVENTS: Connection._on_events,
    SUBSCRIBED: Connection._on_subscribed,
    BATCH: Connection._on_batch,
    SYNCED: Connection._on_synced,
    RESYNC: Connection._on_resync,
    COMPLETE: Connection._on_complete,
}


async def _farewell(task: asyncio.Task[None], channel: Channel | None) -> None:
    """Who reads the channel ends before it is read for the other side's goodbye."""
    await asyncio.wait({task})
    if channel is not None:
        await channel.close()


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon(call)


def _nothing() -> None:
    return None


def _discard(watchers: list[Callable[[Status], None]], watcher: Callable[[Status], None]) -> None:
    if watcher in watchers:
        watchers.remove(watcher)
