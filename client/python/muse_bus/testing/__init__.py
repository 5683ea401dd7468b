"""
A bus for tests, in process: no files, no port, a clock to turn and a connection to drop.

    fake = FakeBus()
    bus = await fake.connect()
    fake.put("reservation", "r1", {"run_id": "agent-1", "expires_at": fake.clock.in_future(60_000)})
    fake.clock.advance(60_000)  # the lease lapses
    await bus.sync()  # and the client has heard of it

It speaks the protocol, with one shortcoming: a filter's addresses are compared as texts, and one that is a glob is refused. It
answers no `inspect`.
"""

from .fake_bus import FakeBus
from .manual_clock import ManualClock

__all__ = ["FakeBus", "ManualClock"]
