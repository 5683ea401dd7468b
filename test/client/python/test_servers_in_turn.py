"""Several servers, of which one is connected to at a time."""

import unittest

import muse_bus
from muse_bus import BusError
from muse_bus.servers_in_turn import servers_in_turn

URLS = ["a", "b", "c"]


class Servers:
    """Three servers of which some fail, and which of them were dialled."""

    def __init__(self, random=0.0):
        self.dialled = ""
        self.failing = {}
        self.dial = servers_in_turn([self._dial_at(url) for url in URLS], lambda: random)

    def _dial_at(self, url):
        async def dial():
            self.dialled += url
            if url in self.failing:
                raise BusError(self.failing[url], url)
            return url

        return dial


class ServersInTurn(unittest.IsolatedAsyncioTestCase):
    async def test_one_that_cannot_be_reached_is_passed_over(self):
        servers = Servers()
        servers.failing = {"a": "unreachable", "b": "unreachable"}
        self.assertEqual(await servers.dial(), "c")
        self.assertEqual(servers.dialled, "abc")

    async def test_an_attempt_has_failed_when_each_was_tried_once(self):
        servers = Servers()
        servers.failing = dict.fromkeys(URLS, "unreachable")
        with self.assertRaises(BusError) as raised:
            await servers.dial()
        self.assertEqual((raised.exception.code, servers.dialled), ("unreachable", "abc"))

    async def test_one_that_ends_is_followed_by_the_next(self):
        servers = Servers()
        self.assertEqual([await servers.dial() for _ in range(4)], ["a", "b", "c", "a"])

    async def test_what_another_server_has_too_is_no_reason_to_go_on(self):
        for code in ["unauthorized", "untrusted", "forbidden", "protocol"]:
            servers = Servers()
            servers.failing = {"a": code}
            with self.assertRaises(BusError) as raised:
                await servers.dial()
            self.assertEqual((raised.exception.code, servers.dialled), (code, "a"))

    async def test_clients_with_the_same_list_begin_at_different_servers(self):
        self.assertEqual([await Servers(random).dial() for random in (0.0, 0.4, 0.99)], URLS)

    def test_each_url_of_a_list_is_checked_at_once(self):
        for urls in [[], ["ws://a", "http://b"], ["ws://a", ""]]:
            with self.assertRaises(BusError) as raised:
                muse_bus.connect(url=urls, token="t")
            self.assertEqual(raised.exception.code, "bad-option")


if __name__ == "__main__":
    unittest.main()
