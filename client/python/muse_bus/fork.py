"""
A forked process has a copy of its parent's clients, and shares their sockets and loops: one byte of it on a socket would end the
connection of the parent. So its copies are closed, and say why.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

from .bus_error import BusError


class Forked(Protocol):
    def forked(self, why: BusError) -> None:
        """Called in the child. It must touch no socket, no loop, and no lock that another thread of the parent may hold."""


_living: WeakSet[Forked] = WeakSet()


def close_in_children(client: Forked) -> None:
    _living.add(client)


def _in_child() -> None:
    text = "the client was connected before this process was forked, and belongs to its parent"
    for client in list(_living):
        client.forked(BusError("bad-option", text, "connect in this process, too"))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
