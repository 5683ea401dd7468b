"""The rule of leases: who holds an address at a moment, by the records that are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from .address import Address, normal_branch
from .fields import Data, address_fields, branch_field, text_field, time_field
from .overlap import overlap
from .text import is_number, order
from .timestamp import iso_date

#: `live`: ends in the future. `suspect`: live, but its holder, which used to beat, has been silent for longer than it should.
#: `unknown`: the reservation cannot be read, or its end has passed and something that may have prolonged it cannot be seen.
#: `lapsed`: its end has passed. `released`: a release names it. `none`: the record was read and is no lease.
#: The first three hold their addresses.
LeaseState = Literal["live", "suspect", "unknown", "lapsed", "released", "none"]
Free = Literal["yes", "no", "unknown"]
Readability = Literal["readable", "unreadable", "none"]

#: A holder that used to beat is suspect after half of what its last beat asked for, between these.
MIN_PATIENCE_MS: Final = 5_000
MAX_PATIENCE_MS: Final = 90_000
_MAX_SAFE_INTEGER: Final = 2**53 - 1

_HELD: Final = ("live", "suspect", "unknown")
#: Problems of records that were read, and do not say what their kind needs.
_OF_CONTENT: Final = ("bad-timestamp", "no-expiry", "names-nothing")
#: The file is there, and what it says now is unknown.
_UNREADABLE: Final = ("unsafe-key", "too-deep", "too-large", "link", "unreadable", "unprocessable")


@dataclass(frozen=True)
class Moment:
    """When the records are looked at, and how far they can be believed then. Unix milliseconds."""

    now: int
    #: Up to when all that happened is known to be in the records; `now` where it is `None`.
    complete_until: int | None = None
    #: Kinds whose directories cannot be seen: what is known of them may be old, and more of them may exist.
    unseen: Collection[str] = ()


@dataclass(frozen=True)
class Lease:
    """A reservation at a moment. `None` where the record does not say."""

    #: Id of the reservation's record.
    reservation: str
    run_id: str | None
    branch: str | None
    addresses: tuple[str, ...]
    operation: str | None
    state: LeaseState
    #: As the record has it, whatever that is.
    expires_at: Any
    #: When it ends, by its record and every heartbeat: Unix milliseconds.
    effective_expiry_ms: int | None
    #: Id of the heartbeat that extends it furthest.
    extended_by: str | None
    #: Only of a suspect lease: the time of its last heartbeat, Unix milliseconds.
    silent_since_ms: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether it keeps others out. What is unknown does."""
        return self.state in _HELD

    @property
    def effective_expires_at(self) -> str | None:
        """The effective expiry as ISO 8601 UTC."""
        return iso_date(self.effective_expiry_ms)

    def as_json(self) -> dict[str, Any]:
        """The form of leases that every surface of the bus writes."""
        silent_since = iso_date(self.silent_since_ms)
        return {
            "reservation": self.reservation,
            "run_id": self.run_id,
            "branch": self.branch,
            "addresses": list(self.addresses),
            "operation": self.operation,
            "state": self.state,
            "expires_at": self.expires_at,
            "effective_expires_at": self.effective_expires_at,
            "extended_by": self.extended_by,
            **({} if silent_since is None else {"silent_since": silent_since}),
        }


@dataclass(frozen=True)
class Holding:
    """Who holds an address. `unknown`: nobody is known to, and that proves nothing."""

    free: Free
    #: The leases that hold, the first to end first.
    holders: tuple[Lease, ...]


@dataclass(frozen=True)
class _Reservation:
    id: str
    name: str
    run_id: str | None
    branch: str | None
    addresses: tuple[Address, ...]
    operation: str | None
    written_expiry: Any
    expires_at: int | None
    readability: Readability
    #: It could never be read, or has more addresses than are read.
    may_hold_more: bool


@dataclass(frozen=True)
class _Beat:
    id: str
    name: str | None
    beat_at: int | None
    extended_until: int | None
    readability: Readability


def readability_of(problem: str | None) -> Readability:
    """`unreadable`: there, but nobody can say what it says now. `none`: read, and no record."""
    if problem is None or problem in _OF_CONTENT:
        return "readable"
    return "unreadable" if problem in _UNREADABLE else "none"


class LeaseTable:
    """Reservations, with the heartbeats and releases that name them. Told of records in any order; pure: no clock, no I/O."""

    def __init__(self) -> None:
        self._reservations: dict[str, _Reservation] = {}
        self._beats: dict[str, _Beat] = {}
        self._releases: dict[str, str | None] = {}
        self._beats_by_name: dict[str, dict[str, _Beat]] = {}
        self._releases_by_name: dict[str, set[str]] = {}

    def put(self, kind: str, id: str, data: Data, problem: str | None = None) -> None:
        """A record exists with this data now."""
        self.drop(kind, id)
        readability = readability_of(problem)
        if kind == "reservation":
            self._reservations[id] = _read_reservation(id, data, readability)
        elif kind == "heartbeat":
            beat = _read_beat(id, data, readability)
            self._beats[id] = beat
            if beat.name is not None and readability != "none":
                self._beats_by_name.setdefault(beat.name, {})[id] = beat
        elif kind == "release":
            # An unreadable release said last what ends its reservation for good; one that is no record says nothing.
            name = None if readability == "none" else _released_name(data)
            self._releases[id] = name
            if name is not None:
                self._releases_by_name.setdefault(name, set()).add(id)

    def drop(self, kind: str, id: str) -> None:
        """A record is gone."""
        if kind == "reservation":
            self._reservations.pop(id, None)
        elif kind == "heartbeat":
            beat = self._beats.pop(id, None)
            if beat is not None and beat.name in self._beats_by_name:
                self._beats_by_name[beat.name].pop(id, None)
                if not self._beats_by_name[beat.name]:
                    del self._beats_by_name[beat.name]
        elif kind == "release":
            name = self._releases.pop(id, None)
            if name is not None:
                self._releases_by_name[name].discard(id)
                if not self._releases_by_name[name]:
                    del self._releases_by_name[name]

    def lease(self, reservation: str, moment: Moment) -> Lease | None:
        facts = self._reservations.get(reservation)
        return None if facts is None else self._lease_of(facts, moment, self._is_any_prolonged())

    def leases(self, moment: Moment, branch: str | None = None) -> list[Lease]:
        """Every reservation as the lease it is, also those that have ended; the first to end first."""
        is_any_prolonged = self._is_any_prolonged()
        leases = (self._lease_of(facts, moment, is_any_prolonged) for facts in self._reservations.values())
        return sorted((lease for lease in leases if _is_on(lease, branch)), key=_by_end)

    def held(self, moment: Moment, branch: str | None = None) -> list[Lease]:
        """The leases that hold, the first to end first."""
        return [lease for lease in self.leases(moment, branch) if lease.is_held]

    def holding(self, addresses: Iterable[Address], moment: Moment, branch: str | None = None) -> Holding:
        """Who holds any of some addresses, or anything that they cover or that covers them. Looks at every reservation."""
        wanted = tuple(addresses)
        is_any_prolonged = self._is_any_prolonged()
        holders: list[Lease] = []
        is_proven = "reservation" not in moment.unseen
        for facts in self._reservations.values():
            lease = self._lease_of(facts, moment, is_any_prolonged)
            if not lease.is_held:
                continue
            if facts.may_hold_more:
                is_proven = False
            if _is_on(lease, branch) and any(overlap(own, one) for own in facts.addresses for one in wanted):
                holders.append(lease)
        return Holding("no" if holders else "yes" if is_proven else "unknown", tuple(sorted(holders, key=_by_end)))

    def _is_any_prolonged(self) -> bool:
        """Whether a heartbeat that was never read may be about any reservation."""
        return any(beat.readability == "unreadable" and beat.name is None for beat in self._beats.values())

    def _lease_of(self, facts: _Reservation, moment: Moment, is_any_prolonged: bool) -> Lease:
        beats = self._beats_by_name.get(facts.name, {}).values()
        effective, extended_by = _effective_expiry(facts, beats)
        state = self._state_of(facts, beats, effective, moment, is_any_prolonged)
        return Lease(
            reservation=facts.id,
            run_id=facts.run_id,
            branch=facts.branch,
            addresses=tuple(address.text for address in facts.addresses),
            operation=facts.operation,
            state=state,
            expires_at=facts.written_expiry,
            effective_expiry_ms=effective,
            extended_by=extended_by,
            silent_since_ms=_last_beat_at(beats) if state == "suspect" else None,
        )

    def _state_of(
        self,
        facts: _Reservation,
        beats: Collection[_Beat],
        effective: int | None,
        moment: Moment,
        is_any_prolonged: bool,
    ) -> LeaseState:
        if facts.name in self._releases_by_name:
            return "released"
        if facts.readability == "unreadable":
            return "unknown"
        if facts.readability == "none" or effective is None:
            return "none"
        if effective > moment.now:
            silent_after = _silent_after(beats)
            return "suspect" if silent_after is not None and moment.now > silent_after else "live"
        complete_until = moment.now if moment.complete_until is None else moment.complete_until
        is_end_certain = (
            effective <= complete_until
            and "heartbeat" not in moment.unseen
            and "reservation" not in moment.unseen
            and not is_any_prolonged
            and all(beat.readability != "unreadable" for beat in beats)
        )
        return "lapsed" if is_end_certain else "unknown"


def _released_name(data: Data) -> str | None:
    """What a release names. A number that a double does not hold exactly may name another reservation."""
    value = data.get("reservation_id")
    is_inexact = is_number(value) and float(value).is_integer() and abs(value) > _MAX_SAFE_INTEGER
    return None if is_inexact else text_field(data, "reservation_id")


def _read_reservation(id: str, data: Data, readability: Readability) -> _Reservation:
    # What is no record holds nothing, whatever it said before.
    addresses, is_cut = address_fields(data)
    return _Reservation(
        id=id,
        name=text_field(data, "reservation_id") or id,
        run_id=text_field(data, "run_id"),
        branch=branch_field(data),
        addresses=addresses,
        operation=text_field(data, "operation"),
        written_expiry=data.get("expires_at"),
        expires_at=time_field(data, "expires_at"),
        readability=readability,
        may_hold_more=(readability == "unreadable" and not data) or is_cut,
    )


def _read_beat(id: str, data: Data, readability: Readability) -> _Beat:
    """Muse names a heartbeat's file after its reservation, so that the id says what a missing field does not."""
    named = text_field(data, "reservation_id")
    return _Beat(
        id=id,
        name=named if named is not None else id if data else None,
        beat_at=time_field(data, "last_beat_at", "created_at"),
        extended_until=time_field(data, "extended_expires_at"),
        readability=readability,
    )


def _effective_expiry(facts: _Reservation, beats: Iterable[_Beat]) -> tuple[int | None, str | None]:
    """The later of its own expiry and of every extension, and the heartbeat that extends it furthest."""
    if facts.expires_at is None:
        return None, None
    furthest = _best((beat, beat.extended_until) for beat in beats)
    if furthest is None or furthest.extended_until is None or furthest.extended_until <= facts.expires_at:
        return facts.expires_at, None
    return furthest.extended_until, furthest.id


def _silent_after(beats: Iterable[_Beat]) -> float | None:
    """A holder that never beat has no rhythm to be out of."""
    latest = _best((beat, beat.beat_at) for beat in beats)
    if latest is None or latest.beat_at is None:
        return None
    if latest.extended_until is None:
        return latest.beat_at + MAX_PATIENCE_MS
    asked = latest.extended_until - latest.beat_at
    return latest.beat_at + min(MAX_PATIENCE_MS, max(MIN_PATIENCE_MS, asked / 2))


def _last_beat_at(beats: Iterable[_Beat]) -> int | None:
    latest = _best((beat, beat.beat_at) for beat in beats)
    return None if latest is None else latest.beat_at


def _best(beats: Iterable[tuple[_Beat, int | None]]) -> _Beat | None:
    """The one with the latest time; of equal ones that with the smaller id, so that all surfaces name the same."""
    timed = [(beat, time) for beat, time in beats if time is not None]
    return min(timed, key=lambda one: (-one[1], order(one[0].id)), default=(None, 0))[0]


def _is_on(lease: Lease, branch: str | None) -> bool:
    return branch is None or lease.branch is None or lease.branch == normal_branch(branch)


def _by_end(lease: Lease) -> tuple[float, bytes]:
    end = lease.effective_expiry_ms
    return (float("inf") if end is None else end, order(lease.reservation))
