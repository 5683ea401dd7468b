"""What a fake bus knows: records, what happened to them, and their leases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..clock import Cancel
from ..filter import Filter, read_kind
from ..swarm import LeaseTable, Moment
from ..swarm.fields import address_texts, text_field
from ..swarm.text import order
from ..wire import EVENT_TYPES, KINDS, LEASE_KINDS, Message, parse_cursor
from .manual_clock import ManualClock

EPOCH: Final = "fake"


@dataclass(frozen=True)
class Stored:
    kind: str
    id: str
    data: dict[str, Any]
    problem: str | None
    revision: int
    lease: list[Any] | None = None
    #: What a heartbeat or release without a run or branch has from its reservation.
    followed: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Transition:
    revision: int
    event_type: str
    before: Stored | None
    after: Stored | None
    time_ms: int


class Store:
    """Records, what happened to them, and their leases."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._leases = LeaseTable()
        #: Whether each reservation holds, as was last announced.
        self._held: dict[str, bool] = {}
        self._disarm: Cancel = lambda: None
        self.records: dict[tuple[str, str], Stored] = {}
        self.history: list[Transition] = []
        self.is_seeing = True

    @property
    def revision(self) -> int:
        return len(self.history)

    @property
    def cursor(self) -> str:
        return f"{EPOCH}:{self.revision}"

    def judge(self, since: str | None) -> tuple[str, int, str | None]:
        """How to begin: mode, the revision to go on after, and why not from there."""
        if since is None:
            return "snapshot", self.revision, None
        epoch, revision = parse_cursor(since) or ("", 0)
        if epoch != EPOCH:
            return "resync", self.revision, "epoch"
        return ("replay", revision, None) if revision <= self.revision else ("resync", self.revision, "future")

    def snapshot(self) -> list[Transition]:
        now = self._clock.now()
        standing = sorted(self.records.values(), key=lambda one: (KINDS.index(read_kind(one.kind, "")), order(one.id)))
        return [Transition(one.revision, "snapshot", None, self._with_lease(one), now) for one in standing]

    def change(self, kind: str, id: str, data: dict[str, Any] | None, problem: str | None) -> list[Transition]:
        before = self.records.get((kind, id))
        if data is None:
            if before is None:
                return []
            del self.records[kind, id]
            self._leases.drop(kind, id)
            if kind == "reservation":
                self._held.pop(id, None)
            return [self._note("removed", before, None), *self._announce()]
        self._leases.put(kind, id, data, problem)
        after = Stored(kind, id, data, problem, self.revision + 1, followed=self._followed(kind, id, data))
        self.records[kind, id] = after
        changed = self._note("added" if before is None else "modified", before, after)
        if kind == "reservation":
            # One that has ended when it is first seen, or that its own record ends or revives, is not announced.
            self._held[id] = self._holds(id)
        return [changed, *self._announce()]

    def expire(self) -> list[Transition]:
        return self._announce()

    def arm(self, expire: Callable[[], None]) -> None:
        """For the end of the lease that ends first."""
        self._disarm()
        ends = [lease.effective_expiry_ms for lease in self._leases.held(self._moment)]
        first = min((end for end in ends if end is not None and end > self._clock.now()), default=None)

        def fire() -> None:
            expire()
            self.arm(expire)

        if first is not None:
            self._disarm = self._clock.after(first - self._clock.now(), fire)

    def view(self, transition: Transition, filter: Filter) -> Message | None:
        """What a filter shows of a transition."""
        before, after = transition.before, transition.after
        was, is_in = before is not None and _passes(filter, before), after is not None and _passes(filter, after)
        event_type, reason, shown = transition.event_type, None, after
        if event_type in ("snapshot", "expired", "revived"):
            if not is_in:
                return None
            reason = "ttl" if event_type == "expired" else None
        elif was and not is_in:
            event_type, shown = "removed", before
            reason = "deleted" if after is None else "left-filter"
        elif is_in and not was:
            event_type = "added"
        elif not is_in:
            return None
        if shown is None or event_type not in filter.get("event_types", EVENT_TYPES):
            return None
        wire: Message = [
            transition.revision,
            EVENT_TYPES.index(event_type),
            KINDS.index(read_kind(shown.kind, "")),
            shown.id,
            transition.time_ms,
            shown.data,
            reason,
            shown.problem,
            None,
            None if event_type == "removed" and shown.kind == "reservation" else shown.lease,
        ]
        while wire[-1] is None:
            wire.pop()
        return wire

    @property
    def _moment(self) -> Moment:
        return Moment(self._clock.now(), unseen=() if self.is_seeing else LEASE_KINDS)

    def _holds(self, id: str) -> bool:
        lease = self._leases.lease(id, self._moment)
        return lease is not None and lease.is_held

    def _announce(self) -> list[Transition]:
        """The leases that have ended by time, and those that hold again."""
        found: list[Transition] = []
        for (of_kind, record_id), stored in list(self.records.items()):
            if of_kind != "reservation":
                continue
            held = self._held.get(record_id, False)
            lease = self._leases.lease(record_id, self._moment)
            holds = lease is not None and lease.is_held
            self._held[record_id] = holds
            if held and not holds and lease is not None and lease.state == "lapsed":
                found.append(self._note("expired", stored, stored))
            elif holds and not held:
                found.append(self._note("revived", stored, stored))
        return found

    def _note(self, event_type: str, before: Stored | None, after: Stored | None) -> Transition:
        shown = None if after is None else self._with_lease(after)
        past = None if before is None else self._with_lease(before)
        transition = Transition(self.revision + 1, event_type, past, shown, self._clock.now())
        self.history.append(transition)
        if after is not None:
            self.records[after.kind, after.id] = Stored(
                after.kind, after.id, after.data, after.problem, transition.revision, followed=after.followed
            )
        return transition

    def _with_lease(self, stored: Stored) -> Stored:
        reservation = self._reservation_of(stored.kind, stored.id, stored.data)
        lease = None if reservation is None else self._leases.lease(reservation, self._moment)
        if lease is None:
            return stored
        wire: list[Any] = [lease.state, lease.effective_expiry_ms, lease.extended_by]
        if stored.kind != "reservation":
            wire.append(reservation)
        return Stored(stored.kind, stored.id, stored.data, stored.problem, stored.revision, wire, stored.followed)

    def _reservation_of(self, kind: str, id: str, data: Mapping[str, Any]) -> str | None:
        """Id of the reservation that a record is or names."""
        if kind == "reservation":
            return id
        name = text_field(data, "reservation_id") or (id if kind == "heartbeat" and data else None)
        if kind not in ("heartbeat", "release") or name is None:
            return None
        named = [
            stored.id
            for stored in self.records.values()
            if stored.kind == "reservation" and (text_field(stored.data, "reservation_id") or stored.id) == name
        ]
        return min(named, key=order, default=None)

    def _followed(self, kind: str, id: str, data: Mapping[str, Any]) -> Mapping[str, str | None]:
        """Fixed when the record is read."""
        reservation = None if kind == "reservation" else self._reservation_of(kind, id, data)
        if reservation is None:
            return {}
        of = self.records["reservation", reservation].data
        return {"run_id": text_field(of, "run_id"), "branch": text_field(of, "branch")}


def _passes(filter: Filter, record: Stored) -> bool:
    """Whether a record has one of the wanted values of every field."""

    def has(name: str, *values: str | None) -> bool:
        return name not in filter or any(value in filter[name] for value in values)

    def own(name: str) -> str | None:
        return text_field(record.data, name) or record.followed.get(name)

    return (
        has("kinds", record.kind)
        and has("ids", record.id)
        and has("run_ids", own("run_id"))
        and has("branches", own("branch"))
        and has("addresses", *address_texts(record.data))
    )
