"""The bus for tests speaks as the real one, on a clock that is turned."""

import asyncio
import unittest

from muse_bus import BusError, Event, Resync, Synced, connect
from muse_bus.testing import FakeBus
from muse_bus.wire import EVENTS

ADDRESS = "src/a.py::f"


def reservation(fake, ms, **more):
    return {"run_id": "agent-1", "addresses": [ADDRESS], "expires_at": fake.clock.in_future(ms), **more}


async def collect(subscription, count):
    return [await anext(events) for events in [subscription.__aiter__()] for _ in range(count)]


class AFakeBus(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.fake = FakeBus()
        self.bus = await self.fake.connect()

    async def asyncTearDown(self):
        await self.bus.close()

    async def test_a_snapshot_then_changes_then_the_cap(self):
        self.fake.put("task", "t1", {"title": "stands"})
        subscription = self.bus.watch(kinds=["tasks"], max_events=5)
        seen = await collect(subscription, 1)
        self.fake.put("task", "t2", {})
        self.fake.put("intent", "i1", {})
        self.fake.remove("task", "t1")
        self.fake.corrupt("task", "t2")
        self.fake.put("task", "t3", {})
        self.fake.put("task", "t4", {})
        seen += [event async for event in subscription]
        self.assertEqual(
            [f"{event.event_type} {event.id} {event.reason} {event.problem}" for event in seen],
            [
                "snapshot t1 None None",
                "added t2 None None",
                "removed t1 deleted None",
                "modified t2 None unreadable",
                "added t3 None None",
            ],
        )
        self.assertEqual((subscription.completion.reason, subscription.completion.delivered), ("max_events", 5))
        self.assertEqual(subscription.cursor, seen[-1].cursor)

    async def test_another_event_loop_is_told_that_the_client_is_not_its_own(self):
        mirror = await self.bus.mirror()
        subscription = self.bus.watch(kinds=["task"])

        async def elsewhere():
            told = []
            for call in (self.bus.sync, self.bus.close, lambda: mirror.when_free(ADDRESS), lambda: anext(aiter(subscription))):
                try:
                    await asyncio.wait_for(call(), 5)
                except BusError as error:
                    told.append((error.code, error.advice))
            return told

        told = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
        self.assertEqual(told, [("bad-option", "connect in this loop, too")] * 4)
        with self.assertRaises(BusError):
            await asyncio.to_thread(self.bus.watch)
        await self.bus.sync()

    async def test_a_lease_lapses_to_the_millisecond_and_holds_again(self):
        mirror = await self.bus.mirror()
        self.fake.put("reservation", "r1", reservation(self.fake, 1_000))
        await self.bus.sync()
        self.fake.clock.advance(999)
        self.assertEqual([lease.state for lease in mirror.holders("src/a.py")], ["live"])
        waiting = asyncio.ensure_future(mirror.when_free(ADDRESS))
        await self.bus.sync()
        self.assertFalse(waiting.done())
        self.fake.clock.advance(2)
        await waiting
        self.assertEqual(mirror.holding(ADDRESS).free, "yes")
        self.fake.put("heartbeat", "r1", {"extended_expires_at": self.fake.clock.in_future(5_000)})
        await self.bus.sync()
        self.assertEqual(mirror.holding(ADDRESS).free, "no")
        self.assertEqual(mirror.lease("r1").extended_by, "r1")

    async def test_a_lease_is_ended_by_no_clock_of_the_client(self):
        mirror = await self.bus.mirror()
        self.fake.put("reservation", "r1", reservation(self.fake, 1_000))
        await self.bus.sync()
        await self.fake.drop()
        # A heartbeat of the holder arrives while the client hears nothing.
        self.fake.put("heartbeat", "r1", {"extended_expires_at": self.fake.clock.in_future(60_000)})
        self.fake.clock._elapsed += 2_000
        self.assertEqual(mirror.holding(ADDRESS).free, "no")
        self.assertEqual(mirror.lease("r1").state, "unknown")
        self.assertEqual(mirror.holding("lib/b.py").free, "unknown", "and nothing is free meanwhile")
        self.assertEqual(mirror.status.state, "unknown")
        waiting = asyncio.ensure_future(mirror.when_free(ADDRESS))
        self.fake.clock.advance(1)
        await self.bus.sync()
        self.assertEqual(mirror.lease("r1").state, "live")
        self.assertFalse(waiting.done())
        self.fake.put("release", "x1", {"reservation_id": "r1"})
        await waiting

    async def test_nothing_is_free_while_the_bus_does_not_see(self):
        mirror = await self.bus.mirror()
        self.fake.look("suspect")
        await self.bus.sync()
        self.assertEqual(mirror.holding(ADDRESS).free, "unknown")
        with self.assertRaises(BusError) as raised:
            await self.bus.holders(ADDRESS)
        self.assertEqual(raised.exception.code, "unknown")
        self.assertTrue(raised.exception.retryable)
        waiting = asyncio.ensure_future(mirror.when_free(ADDRESS))
        self.fake.look("watching")
        self.fake.clock.advance(1_001)
        await waiting

    async def test_a_dropped_connection_goes_on_where_it_was(self):
        subscription = self.bus.watch()
        self.fake.put("claim", "c1", {})
        seen = await collect(subscription, 1)
        await self.fake.drop()
        self.assertEqual(self.bus.status.state, "connecting")
        self.fake.put("claim", "c2", {})
        self.fake.clock.advance(1)
        seen += await collect(subscription, 1)
        self.assertEqual([(event.id, event.revision) for event in seen], [("c1", 1), ("c2", 2)])
        self.assertEqual(self.bus.status.state, "live")

    async def test_events_that_are_missing_are_found_by_their_index(self):
        subscription = self.bus.watch()
        self.fake.put("claim", "c1", {})
        seen = await collect(subscription, 1)
        # A frame is lost on its way.
        [channel] = self.fake._channels
        deliver = channel.deliver
        channel.deliver = lambda message: None if message[0] == EVENTS else deliver(message)
        self.fake.put("claim", "c2", {})
        channel.deliver = deliver
        with self.assertLogs("muse_bus", "WARNING") as logs:
            self.fake.put("claim", "c3", {})
            await channel.ended.wait()
        self.assertIn("events 1 to 1 are missing", logs.output[0])
        self.fake.clock.advance(1)
        seen += await collect(subscription, 3)
        self.assertEqual(
            [f"{event.event_type} {event.id}" for event in seen],
            ["added c1", "snapshot c1", "snapshot c2", "snapshot c3"],
            "and what stands is asked for anew: no cursor of what had a gap is relied on",
        )

    async def test_a_mark_moves_the_cursor_of_who_receives_nothing(self):
        subscription = self.bus.watch(kinds=["task"], snapshot="none")
        updates = subscription.updates()
        self.assertEqual(await anext(updates), Synced("fake:0"))
        reading = asyncio.ensure_future(anext(updates))
        self.fake.put("claim", "c1", {})
        await self.bus.sync()
        self.assertEqual(subscription.cursor, "fake:1")
        reading.cancel()

    async def test_a_cursor_of_another_epoch_is_a_resync_and_what_is_gone_is_told(self):
        self.fake.put("task", "t1", {})
        updates = self.bus.watch(since="other:1").updates()
        self.assertEqual(await anext(updates), Resync("epoch"))
        self.assertIsInstance(await anext(updates), Event)
        self.assertEqual(await anext(updates), Synced("fake:1"))
        with self.assertRaises(BusError) as raised:
            await anext(self.bus.watch(since="other:1", snapshot="none").__aiter__())
        self.assertEqual(raised.exception.code, "resync")

    async def test_after_a_resync_a_reader_that_resumed_fails_because_it_cannot_tell_what_is_gone(self):
        self.fake.put("task", "t1", {})
        with self.assertRaises(BusError) as raised:
            await anext(aiter(self.bus.watch(since="other:1")))
        self.assertEqual(raised.exception.code, "resync")
        self.assertIn("without since", raised.exception.advice)

    async def test_a_subscription_that_has_all_events_of_its_cap_is_complete_though_the_server_never_says_so(self):
        subscription = self.bus.watch(kinds=["task"], max_events=2, buffer_size=1, snapshot="none")
        await self.bus.sync()
        # The connection breaks before the server's message.
        subscription.completed = lambda reason: None
        self.fake.put("task", "t1", {})
        self.fake.put("task", "t2", {})
        await self.bus.sync()
        del subscription.completed
        await self.fake.drop()
        self.fake.clock.advance(1)
        self.assertEqual([event.id async for event in subscription], ["t1", "t2"])
        self.assertEqual(subscription.completion.reason, "max_events")

    async def test_a_mirror_that_a_watcher_closes_changes_no_more_though_more_has_arrived(self):
        mirror = await self.bus.mirror()
        told = []

        def close(changes):
            told.append(len(changes))
            mirror._ended(None)

        mirror.subscribe(close)
        self.fake.put("task", "t1", {})
        self.fake.put("task", "t2", {})
        await self.bus.sync()
        self.assertEqual((told, mirror.version, mirror.get("task", "t2")), ([1], 1, None))

    async def test_a_watcher_that_another_has_removed_is_not_called_and_an_async_one_is_an_error(self):
        mirror = await self.bus.mirror()
        told, cancels = [], []
        mirror.subscribe(lambda changes: cancels[0]())
        cancels.append(mirror.subscribe(told.append))

        async def later(changes):
            told.append(changes)

        mirror.subscribe(later)
        with self.assertLogs("muse_bus", "ERROR") as logs:
            self.fake.put("task", "t1", {})
            await self.bus.sync()
            await asyncio.sleep(0)
        self.assertIn("it is async and was not run", logs.output[0])
        self.assertEqual(told, [])

    async def test_a_server_that_is_silent_is_given_up_and_one_that_was_not_listened_to_is_not(self):
        self.bus.server["heartbeat_ms"] = 100
        await self.bus.sync()
        states = []
        self.bus.watch_status(lambda status: states.append(status.state))
        self.fake.put("task", "t1", {})
        # Before the loop had a turn to read what came.
        self.fake.clock.advance(251)
        await self.bus.sync()
        self.assertEqual(set(states), {"live"})
        self.fake.clock.advanced = lambda: None
        with self.assertLogs("muse_bus", "WARNING") as logs:
            self.fake.clock.advance(251)
            await asyncio.sleep(0)
        self.assertIn("no message for 250 ms", logs.output[0])
        self.assertEqual(states[-2:], ["stale", "connecting"])

    async def test_after_a_sleep_of_the_machine_nobody_is_waited_for_as_long_as_before(self):
        await self.bus.sync()
        states = []
        self.bus.watch_status(lambda status: states.append(status.state))
        clock = self.fake.clock
        awake = clock.now
        # A server that asks for patience has it only from who is awake.
        await self.fake._hang_up(4429, "")
        self.assertGreaterEqual(self.bus.status.delay_ms, 5_000)
        clock.now = lambda: awake() + 3_600_000
        clock.advance(1_000)
        await self.bus.sync()
        self.assertEqual(set(states), {"connecting", "live"})
        # A server has to answer soon; what it is asked is lost.
        self.bus.connection._send = lambda message: None
        clock.advanced = lambda: None
        clock.now = lambda: awake() + 7_200_000
        clock.advance(1_000)
        with self.assertLogs("muse_bus", "WARNING"):
            clock.advance(3_000)
            await asyncio.sleep(0)
        self.assertEqual(states[-2:], ["stale", "connecting"])

    async def test_what_a_resync_has_taken_away_is_told_as_removed_and_a_mirror_tells_the_differences(self):
        for id in ("t1", "t2", "t3"):
            self.fake.put("task", id, {"n": 1})
        events = self.bus.watch(kinds=["task"])
        seen = await collect(events, 3)
        mirror = await self.bus.mirror(kinds=["task"])
        told = []
        mirror.subscribe(lambda changes: told.extend((change.before, change.after) for change in changes))
        await self.fake.drop()
        self.fake.remove("task", "t1")
        self.fake.put("task", "t2", {"n": 2})
        self.fake._store.judge = lambda since: ("resync", self.fake._store.revision, "compacted")
        self.fake.clock.advance(1)
        seen = await collect(events, 3)
        self.assertEqual(
            [f"{event.event_type} {event.id} {event.observed}" for event in seen],
            ["snapshot t2 None", "snapshot t3 None", "removed t1 resync"],
        )
        self.assertEqual(seen[-1].cursor, "fake:5", "and the last of them is where to go on")
        await self.bus.sync()
        shown = [[record and record.data["n"] for record in change] for change in told]
        self.assertEqual(shown, [[1, None], [1, 2]])

    async def test_a_full_buffer_waits_keeps_the_latest_or_fails(self):
        waits = self.bus.watch(buffer_size=2)
        latest = self.bus.watch(buffer_size=2, when_full="latest")
        fails = self.bus.watch(buffer_size=2, when_full="fail")
        for n in range(20):
            self.fake.put("task", f"t{n % 4}", {"n": n})
            await self.bus.sync()
        self.assertEqual([event.data["n"] for event in await collect(waits, 20)], list(range(20)))
        self.assertEqual([event.data["n"] for event in await collect(latest, 4)], [16, 17, 18, 19])
        with self.assertRaises(BusError) as raised:
            async for _ in fails:
                pass
        self.assertEqual(raised.exception.code, "overflow")

    async def test_a_watcher_that_raises_touches_nobody_else(self):
        mirror = await self.bus.mirror(kinds=["task"])
        told = []

        def fails(changes):
            raise RuntimeError("a watcher's own")

        mirror.subscribe(fails)
        forget = mirror.subscribe(lambda changes: told.append([change.after.id for change in changes]))
        with self.assertLogs("muse_bus", "ERROR"):
            self.fake.put("task", "t1", {})
            await self.bus.sync()
        self.fake.put("reservation", "r1", reservation(self.fake, 1_000))
        with self.assertLogs("muse_bus", "ERROR"):
            await self.bus.sync()
        forget()
        self.assertEqual(told, [["t1"], []], "a change of leases alone is told as an empty set")
        self.assertEqual(
            ([record.id for record in mirror.all("task")], mirror.get("reservation", "r1")), (["t1"], None)
        )

    async def test_what_is_closed_says_so(self):
        mirror = await self.bus.mirror()
        self.fake.put("reservation", "r1", reservation(self.fake, 1_000))
        await self.bus.sync()
        waiting = asyncio.ensure_future(mirror.when_free(ADDRESS))
        await self.bus.sync()
        await self.bus.close()
        with self.assertRaises(BusError) as raised:
            await waiting
        self.assertEqual(raised.exception.code, "closed")
        self.assertIsNone(await mirror.closed())
        self.assertEqual(mirror.holding("lib/b.py").free, "unknown", "a mirror that has ended knows nothing of now")
        for call in (self.bus.mirror(), self.bus.sync(), self.bus.holders(ADDRESS)):
            with self.assertRaises(BusError) as raised:
                await call
            self.assertEqual(raised.exception.code, "closed")

    async def test_a_call_that_is_cancelled_leaves_nothing_behind(self):
        mirror = await self.bus.mirror()
        self.fake.put("reservation", "r1", reservation(self.fake, 1_000))
        await self.bus.sync()
        subscribers = len(self.bus.connection._subscribers)
        for call in (
            mirror.when_free(ADDRESS),
            mirror.when_free("lib/b.py"),
            self.bus.mirror(),
            self.bus.holders(ADDRESS),
            self.bus.sync(),
        ):
            task = asyncio.ensure_future(call)
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        await self.bus.sync()
        self.assertEqual(len(self.bus.connection._subscribers), subscribers)
        self.assertEqual((self.bus.connection._questions, mirror._lease_watchers), ({}, []))

    async def test_an_edge_that_misses_its_origin_knows_of_nothing_that_is_free(self):
        mirror = await self.bus.mirror()
        heartbeat = self.fake._heartbeat
        for health, free in (
            ({"state": "watching", "healthy": False, "origin": "away"}, "unknown"),
            ({"state": "watching", "healthy": True, "origin": "present"}, "yes"),
            ({"state": "of a newer server", "healthy": False}, "unknown"),
            ({"state": "of a newer server", "healthy": True}, "yes"),
            ({"healthy": False}, "unknown"),
        ):
            self.fake._heartbeat = lambda health=health: [*heartbeat()[:3], health]
            await self.bus.sync()
            self.assertEqual(mirror.holding(ADDRESS).free, free, health)

    async def test_a_call_takes_no_longer_than_it_is_given(self):
        await self.fake.stop()
        with self.assertRaises(BusError) as raised:
            await self.bus.holders(ADDRESS, timeout=0.01)
        self.assertEqual(raised.exception.code, "timeout")

    async def test_a_mistake_shows_where_a_connection_is_asked_for(self):
        there = {"url": "ws://127.0.0.1:1", "token": "x"}
        for options in (
            {"url": 5},
            {"url": [5]},
            {"url": b"ws://127.0.0.1:1"},
            {"url": []},
            {"url": "ws://127.0.0.1:1", "token": 5},
            {"root": 5},
            {"root": "\0"},
            {"endpoint": 5},
            {"endpoint": {"url": 5, "token": "x"}},
            {**there, "name": 5},
            {**there, "max_attempts": "2"},
            {**there, "max_attempts": float("nan")},
            {**there, "max_attempts": 0},
        ):
            with self.subTest(options), self.assertRaises(BusError) as raised:
                connect(**options)
            self.assertEqual(raised.exception.code, "bad-option")

    async def test_a_mistake_shows_at_the_call_that_made_it(self):
        for call, named in (
            (lambda: self.bus.watch(kinds=["tsk"]), "did you mean task?"),
            (lambda: self.bus.watch(kinds="task"), "a list"),
            (lambda: self.bus.watch(since="nonsense"), "cursor"),
            (lambda: self.bus.watch(max_events=0), "max_events"),
            (lambda: self.bus.watch(max_events="5"), "max_events"),
            (lambda: self.bus.watch(buffer_size=1.5), "buffer_size"),
            (lambda: self.bus.watch(since=5), "cursor"),
            (lambda: self.bus.watch(run_ids=[" "]), "leave it out"),
            (lambda: self.bus.watch(ids=["t1", "tasks/t1"]), "is a path"),
        ):
            with self.assertRaises(BusError) as raised:
                call()
            self.assertEqual(raised.exception.code, "bad-option")
            self.assertIn(named, str(raised.exception))
        with self.assertRaises(BusError) as raised:
            await self.bus.holders("../outside")
        self.assertEqual(raised.exception.code, "bad-option")
        with self.assertRaises(BusError):
            self.fake.put("task", "../t1", {})
        mirror = await self.bus.mirror()
        for call in (lambda: mirror.all("reservaton"), lambda: mirror.get("tsk", "t1"), lambda: mirror.leases(branch=" ")):
            with self.assertRaises(BusError) as raised:
                call()
            self.assertEqual(raised.exception.code, "bad-option")
        self.assertEqual(mirror.all("reservations"), [])
        for question in (
            self.bus.holders("src/a.py", branch=""),
            self.bus.holders(5),
            self.bus.inspect("overview", {"after": b"x"}),
            self.bus.inspect("overview", {"after": float("nan")}),
            self.bus.inspect("overview", {"after": "\ud800"}),
            self.bus.explain(revision=2**80),
            self.bus.explain("task", "t1", kinds=5),
        ):
            with self.assertRaises(BusError) as raised:
                await question
            self.assertEqual(raised.exception.code, "bad-option")
        with self.assertRaises(BusError) as raised:
            await self.bus.sync("nonsense", "x")
        self.assertEqual(raised.exception.code, "bad-option")
        with self.assertRaises(BusError) as raised:
            await anext(self.bus.watch(addresses=["src/**"]).__aiter__())
        self.assertEqual(raised.exception.code, "bad-option")

    async def test_a_record_is_read_as_if_it_were_in_a_file(self):
        deep = 1
        for _ in range(40):
            deep = [deep]
        self.fake.put("task", "sent", {"text": "cut \ud83d", "number": float("nan"), "large": 2**53 + 1})
        self.fake.put("task", "deep", {"x": deep})
        self.fake.put("task", "unsafe", {"__proto__": 1})
        self.fake.put("task", "large", {"x": "x" * 300_000})
        mirror = await self.bus.mirror()
        self.assertEqual(mirror.get("task", "sent").data, {"text": "cut \ufffd", "number": None, "large": 2**53})
        for id, problem in (("deep", "too-deep"), ("unsafe", "unsafe-key"), ("large", "too-large")):
            self.assertEqual((mirror.get("task", id).data, mirror.get("task", id).problem), ({}, problem))

    async def test_a_filter_finds_the_addresses_that_a_question_finds(self):
        self.fake.put("reservation", "r1", {"addresses": "src/a.py, src/b.py", "branch": 7})
        self.fake.put("reservation", "r2", {"files": ["src/b.py"]})
        self.fake.put("reservation", "r3", {"addresses": ["src/c.py"]})
        mirror = await self.bus.mirror(addresses=["src/b.py"])
        self.assertEqual([record.id for record in mirror.all("reservation")], ["r1", "r2"])
        self.assertEqual([record.id for record in (await self.bus.mirror(branches=["7"])).all("reservation")], ["r1"])


if __name__ == "__main__":
    unittest.main()
