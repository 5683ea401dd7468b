"""One connection, apart from any server."""

import asyncio
import os
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from muse_bus.dial import ChannelEnd, _proof_in, _WebSocketChannel
from muse_bus.endpoint import _parse, _read_bus_file, _Refused
from muse_bus.file_modes import file_system_of
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


class Modes(unittest.TestCase):
    def test_a_file_system_without_modes_says_nothing_about_who_can_use_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            bus = Path(directory) / ".muse" / "bus"
            bus.mkdir(parents=True)
            endpoint = bus / "endpoint.json"
            endpoint.write_text("{}")
            for path in (bus.parent, bus, endpoint):
                path.chmod(0o777)
            for name, is_read in (("ext4", False), (None, False), ("cifs", True), ("9p", True), ("fuse.sshfs", True)):
                with self.subTest(name), mock.patch("muse_bus.file_modes.file_system_of", lambda device: name):
                    if is_read:
                        self.assertEqual(_read_bus_file(Path(directory)), "{}")
                    else:
                        self.assertRaisesRegex(_Refused, "others can write to", _read_bus_file, Path(directory))
            # The directory shows that modes are kept there.
            bus.chmod(0o700)
            with mock.patch("muse_bus.file_modes.file_system_of", lambda device: "fuse"):
                self.assertRaisesRegex(_Refused, "has mode 777", _read_bus_file, Path(directory))

    def test_the_file_system_of_a_device_is_known_on_linux(self):
        found = file_system_of(os.stat("/proc").st_dev)
        self.assertEqual(found, "proc" if sys.platform.startswith("linux") else None)


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
