"""The client without asyncio, against a real server."""

import os
import signal
import socket
import threading
import time
import unittest
import warnings

import muse_bus
import muse_bus.blocking
import served
from muse_bus import BusError

ADDRESS = "src/a.py::f"


class Blocking(unittest.TestCase):
    def setUp(self):
        served.clear()
        self.bus = muse_bus.blocking.connect(root=served.ROOT)
        self.bus.sync(timeout=10)

    def tearDown(self):
        self.bus.close()

    def test_events_come_one_by_one(self):
        served.write("task", "t1", {"n": 1})
        self.bus.sync("task", "t1")
        with self.bus.watch(kinds=["task"], max_events=3) as subscription:
            self.assertEqual(subscription.next(timeout=10).event_type, "snapshot")
            with self.assertRaises(BusError) as raised:
                subscription.next(timeout=0.01)
            self.assertEqual(raised.exception.code, "timeout")
            served.write("task", "t2", {})
            served.write("task", "t3", {})
            self.assertEqual([event.id for event in subscription], ["t2", "t3"], "none is lost to the time that was up")
            self.assertIsNone(subscription.next())
            self.assertEqual(subscription.completion.delivered, 3)
        self.assertEqual(self.bus.get("task", "t1").data, {"n": 1})
        self.assertEqual(self.bus.explain("task", "t1", kinds=["claim"])["verdict"], "would not match")

    def test_a_mirror_says_who_holds_and_waits(self):
        with self.bus.mirror() as mirror:
            self.assertEqual(mirror.holding(ADDRESS).free, "yes")
            served.write(
                "reservation", "r1", {"run_id": "a", "addresses": [ADDRESS], "expires_at": served.in_future(60)}
            )
            self.bus.sync()
            self.assertEqual([lease.run_id for lease in mirror.holders("src/a.py")], ["a"])
            self.assertEqual([lease.reservation for lease in self.bus.holders("src/a.py")], ["r1"])
            with self.assertRaises(BusError) as raised:
                mirror.when_free(ADDRESS, timeout=0.05)
            self.assertEqual(raised.exception.code, "timeout")
            holder = threading.Thread(target=served.write, args=("release", "x1", {"reservation_id": "r1"}))
            holder.start()
            mirror.when_free(ADDRESS, timeout=10)
            holder.join()
            self.assertEqual((mirror.status.state, mirror.lease("r1").state), ("live", "released"))

    def test_a_watcher_that_waits_for_its_own_bus_is_told_so(self):
        faults = []

        def waits(changes):
            try:
                self.bus.sync()
            except BusError as error:
                faults.append(error.code)

        mirror = self.bus.mirror(kinds=["task"])
        mirror.subscribe(waits)
        served.write("task", "t1", {})
        self.bus.sync()
        self.assertEqual(faults, ["bad-option"])

    def test_what_waits_in_another_thread_ends_when_the_bus_is_closed(self):
        served.write("reservation", "r1", {"addresses": [ADDRESS], "expires_at": served.in_future(60)})
        self.bus.sync()
        mirror = self.bus.mirror()
        subscription = self.bus.watch(kinds=["claim"])
        ends = []

        def wait():
            try:
                mirror.when_free(ADDRESS)
            except BusError as error:
                ends.append(error.code)

        threads = [
            threading.Thread(target=wait),
            threading.Thread(target=lambda: ends.append(subscription.next())),
        ]
        for thread in threads:
            thread.start()
        while self.bus._loop.call(lambda: subscription._pending is None or not mirror._source._lease_watchers):
            time.sleep(0.001)
        self.bus.close()
        for thread in threads:
            thread.join(10)
        self.assertEqual(sorted(ends, key=str), [None, "closed"])
        with self.assertRaises(BusError) as raised:
            self.bus.sync()
        self.assertEqual(raised.exception.code, "closed")
        self.bus.close()

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_a_forked_child_is_told_and_its_parent_goes_on(self):
        mirror = self.bus.mirror()
        subscription = self.bus.watch(kinds=["task"])
        calls = [
            lambda: self.bus.sync(timeout=5),
            lambda: mirror.when_free(ADDRESS, timeout=5),
            lambda: mirror.holders(ADDRESS),
            lambda: subscription.next(timeout=5),
            lambda: self.bus.watch(),
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                told = [said_by(call) for call in calls]
                self.bus.close()
                os._exit(0 if all("belongs to its parent" in text for text in told) else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        served.write("task", "t1", {})
        self.assertEqual(subscription.next(timeout=10).id, "t1")
        self.assertEqual(self.bus.status.state, "live")

    def test_who_is_interrupted_loses_no_event_and_leaves_no_thread(self):
        subscription = self.bus.watch(kinds=["task"])
        interrupt_when(lambda: subscription._pending is not None)
        with self.assertRaises(KeyboardInterrupt):
            subscription.next()
        served.write("task", "t1", {})
        self.assertEqual(subscription.next(timeout=10).id, "t1")
        self.bus.close()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            # Accepts, and says nothing.
            url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
            heard = []
            interrupt_when(lambda: heard.append(silent.accept()) or True)
            with self.assertRaises(KeyboardInterrupt):
                muse_bus.blocking.connect(url=url, token="t")
            heard[0][0].close()
        self.assertEqual([thread.name for thread in threading.enumerate() if thread.name == "muse_bus"], [])


def said_by(call):
    try:
        return f"nothing: {call()!r}"
    except BusError as error:
        return str(error)


def interrupt_when(is_so):
    def wait():
        while not is_so():
            time.sleep(0.001)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=wait).start()


if __name__ == "__main__":
    unittest.main()
