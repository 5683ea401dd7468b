"""One connection, apart from any server."""

import asyncio
import unittest
from types import SimpleNamespace

from muse_bus.dial import ChannelEnd, _WebSocketChannel
from muse_bus.wire import JsonCodec


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
