"""Several equal servers, of which one is connected to at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .bus_error import BusError
from .dial import Channel, Dial


def servers_in_turn(dials: Sequence[Dial], random: Callable[[], float]) -> Dial:
    """
    A dial that takes the next server at each attempt. It begins with a random one, so that many clients with the same list spread
    over all of them. One that cannot be reached is passed over for the next, until each was tried once: then the attempt has
    failed, with the error of the last. A refused token or an untrusted certificate is an error of the caller, which another
    server has too.
    """
    following = int(random() * len(dials))

    async def dial() -> Channel:
        nonlocal following
        for left in range(len(dials) - 1, -1, -1):
            current = dials[following % len(dials)]
            following += 1
            try:
                return await current()
            except BusError as error:
                if error.code != "unreachable" or left == 0:
                    raise
        raise AssertionError("there is at least one server")

    return dial
