"""
The part of the bus's model of a swarm that a client answers from: addresses, what covers what, leases and who holds. Pure. That
it says what the model in TypeScript says is shown by one file of cases, which both run.
"""

from .address import (
    MAX_ADDRESS_CHARACTERS,
    Address,
    AddressContext,
    AddressError,
    AddressKind,
    normal_branch,
    parse_address,
    parse_query,
)
from .leases import Free, Holding, Lease, LeaseState, LeaseTable, Moment
from .overlap import overlap
from .timestamp import iso_date, parse_timestamp

__all__ = [
    "MAX_ADDRESS_CHARACTERS",
    "Address",
    "AddressContext",
    "AddressError",
    "AddressKind",
    "Free",
    "Holding",
    "Lease",
    "LeaseState",
    "LeaseTable",
    "Moment",
    "iso_date",
    "normal_branch",
    "overlap",
    "parse_address",
    "parse_query",
    "parse_timestamp",
]
