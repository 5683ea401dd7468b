"""The client against a real server."""

import asyncio
import contextlib
import json
import logging
import os
import socket
import tempfile
import threading
import unittest
from pathlib import Path

import muse_bus
import served
from muse_bus import Backoff, BusError, Resync, Synced
from muse_bus.endpoint import find_endpoint

ADDRESS = "src/a.py::f"
QUICK = Backoff(first_ms=20, longest_ms=50)


async def until(subscription, wanted):
    """The events up to the one that is wanted, shortly."""
    seen = []
    async for event in subscription:
        words = [event.event_type, event.kind, event.id, event.reason, event.problem]
        seen.append(" ".join(word for word in words if word))
        if seen[-1] == wanted:
            return seen
    raise AssertionError(f"{wanted} has not come: {seen}")


class AgainstAServer(unittest.IsolatedAsyncioTestCase):
    maxDiff = None

    async def asyncSetUp(self):
        served.clear()
        self.bus = await muse_bus.connect(**served.target(), name="python", backoff=QUICK)
        await self.bus.sync(timeout=10)

    async def asyncTearDown(self):
        await self.bus.close()

    async def test_a_record_is_followed_through_its_life_in_both_encodings(self):
        try:
            import msgpack  # noqa: F401
        except ImportError:
            encodings = ["json"]
        else:
            encodings = ["json", "msgpack"]
        for encoding in encodings:
            with self.subTest(encoding):
                served.clear()
                async with muse_bus.connect(**served.target(), encoding=encoding) as bus:
                    served.write("task", "t1", {"title": "first", "n": 2**40, "name": "Zoë 😀"})
                    await bus.sync("task", "t1")
                    subscription = bus.watch()
                    seen = await until(subscription, "snapshot task t1")
                    served.write("task", "t1", {"title": "second"})
                    seen += await until(subscription, "modified task t1")
                    served.remove("task", "t1")
                    seen += await until(subscription, "removed task t1 deleted")
                    served.write("reservation", "r1", {"run_id": "a", "expires_at": served.in_future(0.2)})
                    seen += await until(subscription, "expired reservation r1 ttl")
                    served.write("claim", "c1", '{"task_id":')
                    seen += await until(subscription, "added claim c1 invalid-json")
                    self.assertEqual(
                        seen,
                        [
                            "snapshot task t1",
                            "modified task t1",
                            "removed task t1 deleted",
                            "added reservation r1",
                            "expired reservation r1 ttl",
                            "added claim c1 invalid-json",
                        ],
                    )
                    await subscription.close()

    async def test_an_event_is_the_one_that_all_surfaces_show(self):
        data = {"run_id": "a", "expires_at": "2099-01-01T00:00:00Z", "big": 2**40, "name": "Zoë 😀"}
        served.write("reservation", "r1", data)
        await self.bus.sync()
        event = await anext(self.bus.watch(max_events=1).__aiter__())
        view = event.as_json()
        self.assertEqual(view["data"], data)
        self.assertEqual(
            view["lease"],
            {
                "reservation": "r1",
                "state": "live",
                "expires_at": "2099-01-01T00:00:00Z",
                "effective_expires_at": "2099-01-01T00:00:00.000Z",
                "extended_by": None,
            },
        )
        self.assertEqual(view["schema_version"], self.bus.server["server"])
        self.assertTrue(view["cursor"].endswith(":0"))

    async def test_a_filter_shows_what_enters_and_leaves_it(self):
        subscription = self.bus.watch(kinds=["reservations"], addresses=["src/**"], snapshot="none")
        served.write("reservation", "r1", {"addresses": ["lib/a.py"], "expires_at": served.in_future(60)})
        await self.bus.sync()
        served.write("reservation", "r1", {"addresses": [ADDRESS], "expires_at": served.in_future(60)})
        seen = await until(subscription, "added reservation r1")
        served.write("reservation", "r1", {"addresses": ["doc/b.md"], "expires_at": served.in_future(60)})
        seen += await until(subscription, "removed reservation r1 left-filter")
        self.assertEqual(seen, ["added reservation r1", "removed reservation r1 left-filter"])

    async def test_a_cap_ends_inside_a_snapshot_or_after_it_exactly(self):
        for id in "abc":
            served.write("task", id, {})
        await self.bus.sync()
        inside = self.bus.watch(max_events=2)
        self.assertEqual([event.id async for event in inside], ["a", "b"])
        after = self.bus.watch(max_events=5)
        seen = await until(after, "snapshot task c")
        for id in "defg":
            served.write("task", id, {})
        seen += [event.id async for event in after]
        self.assertEqual((len(seen), after.completion.delivered), (5, 5))

    async def test_the_server_explains_and_refuses_in_words(self):
        served.write("task", "t1", {"run_id": "a"})
        await self.bus.sync("task", "t1")
        answer = await self.bus.explain("task", "t1", run_ids=["b"])
        self.assertEqual((answer["verdict"], answer["reasons"][0]["field"]), ("would not match", "run_ids"))
        overview = await self.bus.inspect("overview")
        [own] = [one for one in overview["connections"] if one["id"] == overview["you"]]
        self.assertEqual((own["name"], own["encoding"]), ("python", "json"))
        for call in (self.bus.inspect("nonsense"), self.bus.explain("task", "t1", branchs=["main"])):
            with self.assertRaises(BusError) as raised:
                await call
            self.assertEqual(raised.exception.code, "bad-option")
            self.assertFalse(raised.exception.retryable)
        with self.assertRaises(BusError) as raised:
            await anext(self.bus.watch(addresses=["+(ab)"]).__aiter__())
        self.assertEqual(raised.exception.code, "bad-option")
        # Longer than the server takes: sent, it would end the connection, and the next one too.
        ids = [f"{number:0>200}" for number in range(900)]
        for call in (self.bus.explain("task", "x" * 70_000), anext(self.bus.watch(ids=ids).__aiter__())):
            with self.assertRaises(BusError) as raised:
                await call
            self.assertEqual(raised.exception.code, "limit")
        self.assertEqual((await self.bus.get("task", "t1")).data, {"run_id": "a"})
        self.assertIsNone(await self.bus.get("task", "t2"))

    async def test_who_holds_is_known_right_after_it_was_written(self):
        for n in range(20):
            served.write("reservation", f"r{n}", {"addresses": [f"src/{n}.py"], "expires_at": served.in_future(60)})
            holders = await self.bus.holders(f"./src//{n}.py::f")
            self.assertEqual([lease.reservation for lease in holders], [f"r{n}"])

    async def test_a_mirror_waits_until_an_address_is_released_or_lapses(self):
        mirror = await self.bus.mirror()
        served.write("reservation", "r1", {"addresses": [ADDRESS], "expires_at": served.in_future(60)})
        await self.bus.sync()
        self.assertEqual([lease.run_id for lease in mirror.holders("src/a.py")], [None])
        waiting = asyncio.ensure_future(mirror.when_free("src/a.py"))
        await self.bus.sync()
        self.assertFalse(waiting.done())
        served.write("release", "x1", {"reservation_id": "r1"})
        await asyncio.wait_for(waiting, 10)
        self.assertEqual(mirror.lease("r1").state, "released")

        served.write("reservation", "r2", {"addresses": [ADDRESS], "expires_at": served.in_future(0.3)})
        await self.bus.sync()
        end = mirror.lease("r2").effective_expiry_ms
        await asyncio.wait_for(mirror.when_free("src/a.py"), 10)
        self.assertGreaterEqual(self.bus.server_now(), end)

    @unittest.skipIf(served.EDGE, "the test in Node stops the server that has the files")
    async def test_nothing_is_lost_or_free_while_the_server_is_away(self):
        served.write("reservation", "r1", {"addresses": [ADDRESS], "expires_at": served.in_future(0.5)})
        await self.bus.sync()
        mirror = await self.bus.mirror()
        subscription = self.bus.watch()
        seen = await until(subscription, "snapshot reservation r1")
        states = []
        self.bus.watch_status(lambda status: states.append(status.state))
        waiting = asyncio.ensure_future(mirror.when_free(ADDRESS))
        with self.assertLogs("muse_bus", "WARNING"):
            await asyncio.to_thread(served.ask_node, "stop")
            while self.bus.status.state == "live":
                await asyncio.sleep(0)
        end = mirror.lease("r1").effective_expiry_ms
        # Its holder goes on, and the lease that this client knows of runs out meanwhile.
        served.write("heartbeat", "r1", {"reservation_id": "r1", "extended_expires_at": served.in_future(60)})
        served.write("task", "t1", {})
        logging.disable()
        try:
            while self.bus.server_now() <= end:
                await asyncio.sleep(0.01)
            self.assertEqual((mirror.status.state, mirror.lease("r1").state), ("unknown", "unknown"))
            self.assertEqual(mirror.holding("lib/b.py").free, "unknown")
            with self.assertRaises(BusError) as raised:
                await self.bus.holders("lib/b.py", timeout=0.05)
            self.assertEqual(raised.exception.code, "timeout")
            await asyncio.to_thread(served.ask_node, "start")
            seen += await until(subscription, "added task t1")
        finally:
            logging.disable(logging.NOTSET)
        await self.bus.sync()
        self.assertFalse(waiting.done())
        self.assertIn(mirror.lease("r1").state, ("live", "suspect"))
        self.assertEqual(
            [line for line in seen if "reservation" not in line],
            ["added heartbeat r1", "added task t1"],
            "what was written meanwhile is told, and no snapshot comes again",
        )
        self.assertIn("connecting", states)
        self.assertEqual(states[-1], "live")
        served.write("release", "x1", {"reservation_id": "r1"})
        await asyncio.wait_for(waiting, 10)

    @unittest.skipIf(served.EDGE, "the test in Node stops the server that has the files")
    async def test_the_first_connection_is_waited_for_where_that_is_asked(self):
        await asyncio.to_thread(served.ask_node, "stop")
        logging.disable()
        try:
            with self.assertRaises(BusError) as raised:
                await muse_bus.connect(**served.target())
            self.assertIn(raised.exception.code, ("no-endpoint", "untrusted-endpoint", "unreachable"))
            connecting = muse_bus.connect(**served.target(), wait_on_first_connect=True, backoff=QUICK)
            task = asyncio.ensure_future(connecting.opened())
            while connecting.client.connection.status.attempt < 2:
                await asyncio.sleep(0)
            await asyncio.to_thread(served.ask_node, "start")
            async with await asyncio.wait_for(task, 10) as bus:
                self.assertEqual(bus.status.state, "live")
        finally:
            logging.disable(logging.NOTSET)

    async def test_the_token_is_in_no_log(self):
        with self.assertLogs(level="DEBUG") as logs:
            async with muse_bus.connect(**served.target()) as bus:
                await bus.sync()
        self.assertNotIn(served.endpoint()["token"], "\n".join(logs.output))

    async def test_hundreds_of_changes_reach_a_slow_reader_in_order(self):
        subscription = self.bus.watch(kinds=["task"], buffer_size=16)
        other = self.bus.watch(kinds=["task"])
        await self.bus.sync()
        await asyncio.to_thread(lambda: [served.write("task", f"t{n:03}", {"n": n}) for n in range(300)])
        await self.bus.sync()
        seen = [event async for event in self._first(subscription, 300)]
        self.assertEqual([event.id for event in seen], sorted(event.id for event in seen))
        revisions = [event.revision for event in seen if event.event_type != "snapshot"]
        self.assertEqual(revisions, sorted(set(revisions)))
        self.assertEqual({event.id async for event in self._first(other, 300)}, {event.id for event in seen})

    async def test_a_cursor_resumes_and_one_of_no_use_says_why(self):
        cursor = await self.bus.sync()
        served.write("task", "t1", {})
        await self.bus.sync()
        replayed = await until(self.bus.watch(since=cursor, kinds=["task"]), "added task t1")
        self.assertEqual(replayed, ["added task t1"])
        updates = self.bus.watch(since="other:1", snapshot="none").updates()
        self.assertEqual(await anext(updates), Resync("epoch"))
        self.assertIsInstance(await anext(updates), Synced)

    async def _first(self, subscription, count):
        async for event in subscription:
            yield event
            count -= 1
            if count == 0:
                return


class WhoIsTrusted(unittest.IsolatedAsyncioTestCase):
    async def refused(self, code, **where):
        logging.disable()
        try:
            with self.assertRaises(BusError) as raised:
                await muse_bus.connect(**where)
        finally:
            logging.disable(logging.NOTSET)
        self.assertEqual(raised.exception.code, code, raised.exception)
        return raised.exception

    async def test_a_bus_is_found_by_root_url_or_endpoint(self):
        endpoint = served.endpoint()
        url, token = endpoint["url"], endpoint["token"]
        below = served.ROOT / "src" / "deep"
        below.mkdir(parents=True, exist_ok=True)
        for where in (
            {"root": below},
            {"root": served.ROOT, "url": url},
            {"root": served.ROOT, "token": token},
            {"url": url, "token": token},
            {"url": ["ws://127.0.0.1:1", url], "token": token},
            {"endpoint": endpoint},
        ):
            async with muse_bus.connect(**where) as bus:
                self.assertEqual(bus.status.state, "live", where)

    @unittest.skipIf(served.EDGE, "an edge names no repository")
    async def test_the_endpoint_of_another_repository_is_noticed(self):
        endpoint = served.endpoint()
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as other:
            (Path(other) / ".muse").mkdir()
            try:
                os.chdir(served.ROOT)
                with self.assertNoLogs("muse_bus", "WARNING"):
                    muse_bus.connect(endpoint=endpoint)
                os.chdir(other)
                with self.assertLogs("muse_bus", "WARNING") as logged:
                    muse_bus.connect(endpoint=endpoint)
            finally:
                os.chdir(before)
        self.assertIn("the working directory is in", logged.output[0])

    async def test_a_token_goes_nowhere_but_to_its_own_bus(self):
        endpoint = served.endpoint()
        await self.refused("untrusted-endpoint", root=served.ROOT, url="ws://127.0.0.1:1")
        await self.refused("untrusted-endpoint", root=served.ROOT, token="another")
        await self.refused("unauthorized", url=endpoint["url"], token="another")
        await self.refused("unreachable", url="ws://127.0.0.1:1", token="another")
        error = await self.refused("no-endpoint", root="/")
        self.assertTrue(error.advice)
        for url in ("localhost:6873", "http://localhost:6873", "ws://", "", "ws://h/?token=x"):
            with self.assertRaises(BusError) as raised:
                muse_bus.connect(url=url, token="x")
            self.assertEqual(raised.exception.code, "bad-option")

    async def test_an_endpoint_file_that_others_may_have_written_is_not_believed(self):
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory).resolve()
            bus = root / ".muse" / "bus"
            bus.mkdir(parents=True)
            bus.chmod(0o755)
            file = bus / "endpoint.json"
            text = json.dumps({**served.endpoint(), "repository": None})
            with self.assertRaises(BusError) as raised:
                find_endpoint(root)
            self.assertEqual(raised.exception.code, "no-endpoint")

            def fault_of(text, mode=0o600):
                file.unlink(missing_ok=True)
                file.write_text(text, "utf-8")
                file.chmod(mode)
                with self.assertRaises(BusError) as raised:
                    find_endpoint(root)
                self.assertEqual(raised.exception.code, "untrusted-endpoint")
                return str(raised.exception)

            self.assertIn("others may use it", fault_of(text, 0o644))
            self.assertIn("names no bus", fault_of("{}"))
            self.assertIn("names no bus", fault_of(json.dumps({**json.loads(text), "url": "ws://h:1/\x1b[2J"})))
            self.assertIn("is longer than", fault_of(text + " " * 5_000))
            another = {**json.loads(text), "pid": os.getpid()}
            self.assertIn("is not the one that wrote it", fault_of(json.dumps(another)))
            other = {"path": "/srv/other", "device": "1", "inode": "1"}
            copied = json.dumps({**json.loads(text), "repository": other})
            self.assertIn("names the server of /srv/other", fault_of(copied))
            self.assertIn("is left over from process", fault_of(json.dumps({**json.loads(text), "boot_id": "another"})))
            file.unlink()
            (root / "elsewhere").write_text(text, "utf-8")
            (root / "elsewhere").chmod(0o600)
            file.symlink_to(root / "elsewhere")
            with self.assertRaisesRegex(BusError, "symbolic link"):
                find_endpoint(root)
            file.unlink()
            os.link(root / "elsewhere", file)
            with self.assertRaisesRegex(BusError, "second name"):
                find_endpoint(root)
            file.unlink()
            file.write_text(text, "utf-8")
            file.chmod(0o600)
            self.assertEqual(find_endpoint(root).token, served.endpoint()["token"], "and one that is this user's is")
            bus.chmod(0o777)
            with self.assertRaisesRegex(BusError, "others can write to"):
                find_endpoint(root)

    async def test_whoever_does_not_know_the_token_is_not_told_it(self):
        """A program that has taken the port of a server which died, and says it was never asked."""
        heard = b""
        listener = socket.create_server(("127.0.0.1", 0))

        def listen():
            nonlocal heard
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    heard += peer.recv(65_536)
                    body = json.dumps({"proof": "x" * 43}).encode()
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                    peer.settimeout(1)
                    with contextlib.suppress(OSError):
                        heard += peer.recv(65_536)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        with tempfile.TemporaryDirectory() as directory:
            bus = Path(directory) / ".muse" / "bus"
            bus.mkdir(parents=True)
            bus.chmod(0o700)
            url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
            file = bus / "endpoint.json"
            file.write_text(json.dumps({**served.endpoint(), "url": url, "repository": None}), "utf-8")
            file.chmod(0o600)
            await self.refused("untrusted-endpoint", root=directory)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        self.assertIn(b"GET /challenge?nonce=", heard)
        self.assertNotIn(served.endpoint()["token"].encode(), heard)


if __name__ == "__main__":
    unittest.main()
