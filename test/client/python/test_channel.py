"""One connection, apart from any server."""

import asyncio
import unittest
from types import SimpleNamespace

from muse_bus.dial import ChannelEnd, _proof_in, _WebSocketChannel
from muse_bus.endpoint import _parse
from muse_bus.wire import JsonCodec, integer, parse_json


class ResetWriter:
    """The other side's end was read, and its reset came before our own end could be sent."""

    def __init__(self):
        self.is_closed = False

    def can_write_eof(self):
        return True

    def write_eof(self):
        raise OSError(107, "Transport endpoint is not connected")

    def close(self):
        self.is_closed = True


class Channel(unittest.IsolatedAsyncioTestCase):
    async def test_a_reset_is_the_end_of_the_connection_and_no_fault(self):
        protocol = SimpleNamespace(
            receive_eof=lambda: None, events_received=lambda: [], data_to_send=lambda: [b""], close_rcvd=None
        )
        reader, writer = asyncio.StreamReader(), ResetWriter()
        reader.feed_eof()
        with self.assertRaises(ChannelEnd) as raised:
            await _WebSocketChannel(protocol, JsonCodec(), reader, writer, "token", lambda: None).receive()
        self.assertEqual((raised.exception.code, writer.is_closed), (1006, True))


class ForeignText(unittest.TestCase):
    """What a checkout or the other side wrote is an error of its own kind, whatever it is."""

    def test_text_that_is_no_json_is_a_value_error(self):
        for text in ("[" * 100_000, "NaN", "[-Infinity]", "", b"\xff", "\ufeff1"):
            with self.subTest(text[:12]), self.assertRaises(ValueError):
                parse_json(text)

    def test_an_endpoint_or_a_proof_that_is_nested_too_deeply_is_none(self):
        self.assertIsNone(_parse("[" * 4_096))
        self.assertEqual(_proof_in(b"[" * 4_096), b"")

    def test_a_number_without_an_end_is_no_whole_number(self):
        for value in (parse_json("1e999"), float("nan"), 1.5, True, "1"):
            with self.subTest(value), self.assertRaises(ValueError):
                integer(value)
        self.assertEqual(integer(2.0), 2)
