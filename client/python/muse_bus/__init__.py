"""
A client of muse-bus, the coordination bus for swarms of coding agents.

    async with muse_bus.connect() as bus:
        async for event in bus.watch(kinds=["reservation"]):
            print(event.event_type, event.id)

Without asyncio: `import muse_bus.blocking`. For tests: `import muse_bus.testing`.
"""

from .backoff import Backoff
from .bus_client import BusClient
from .bus_error import BusError
from .connect import Connecting, connect
from .event import Event, EventLease, Resync, Synced, Update
from .mirror import Mirror, MirrorClosed, MirrorLive, MirrorStatus, MirrorUnknown
from .record_view import Change, Record
from .status import Closed, Live, Stale, Status
from .status import Connecting as ConnectingStatus
from .subscription import Completion, Subscription
from .swarm import AddressContext, Free, Holding, Lease, LeaseState
from .wire import EVENT_TYPES, KINDS, EventType, Kind

__version__ = "0.1.0"

__all__ = [
    "EVENT_TYPES",
    "KINDS",
    "AddressContext",
    "Backoff",
    "BusClient",
    "BusError",
    "Change",
    "Closed",
    "Completion",
    "Connecting",
    "ConnectingStatus",
    "Event",
    "EventLease",
    "EventType",
    "Free",
    "Holding",
    "Kind",
    "Lease",
    "LeaseState",
    "Live",
    "Mirror",
    "MirrorClosed",
    "MirrorLive",
    "MirrorStatus",
    "MirrorUnknown",
    "Record",
    "Resync",
    "Stale",
    "Status",
    "Subscription",
    "Synced",
    "Update",
    "connect",
]
