"""A server with TLS, whose certificate this test is given."""

import logging
import os
import ssl
import unittest

import muse_bus
import served
from muse_bus import BusError


class WithTls(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)

    async def test_a_bus_proves_itself_and_is_connected_to_over_one_connection(self):
        trusting = ssl.create_default_context(cafile=os.environ["MUSE_BUS_TEST_CA"])
        endpoint = served.endpoint()
        for where in ({"root": served.ROOT}, {"endpoint": endpoint}):
            async with muse_bus.connect(ssl=trusting, **where) as bus:
                served.write("task", "t1", {})
                await bus.sync("task", "t1")
                self.assertEqual((await bus.get("task", "t1")).id, "t1")

    async def test_a_certificate_that_is_not_trusted_is_said_to_be_so(self):
        with self.assertRaises(BusError) as raised:
            await muse_bus.connect(root=served.ROOT)
        self.assertEqual(raised.exception.code, "untrusted")
        endpoint = served.endpoint()
        with self.assertRaises(BusError) as raised:
            await muse_bus.connect(url=endpoint["url"].replace("wss:", "ws:"), token=endpoint["token"])
        self.assertIn(raised.exception.code, ("unreachable", "protocol"))


if __name__ == "__main__":
    unittest.main()
