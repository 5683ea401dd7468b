"""What a subscription brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .swarm import iso_date
from .wire import EVENT_TYPES, KINDS, EventType, Kind, Message, integer


@dataclass(frozen=True)
class EventLease:
    """The lease that an event is about, as the event left it."""

    #: Id of the reservation's record.
    reservation: str
    #: At the time of the event. One that is not known is a newer server's: treat it as held.
    state: str
    #: When it ends, by its record and every heartbeat: ISO 8601 UTC.
    effective_expires_at: str | None
    #: Id of the heartbeat that extends it furthest.
    extended_by: str | None


@dataclass(frozen=True)
class Event:
    """One observed transition of a record."""

    #: Version of the program that produced it.
    schema_version: str
    event_type: EventType
    kind: Kind
    #: The file's name without `.json`, whole.
    id: str
    #: When it was generated: Unix milliseconds.
    time_ms: int
    #: The record; for `removed` the last known one; `{}` where none was ever readable. Not to be changed.
    data: dict[str, Any]
    #: Position of the transition in the history; for `snapshot`, of the record's last transition.
    revision: int
    #: Resume after this event. Those of a snapshot say `epoch:0` (start again), and only the last one the position of the whole.
    cursor: str
    #: On `removed`: `deleted` or `left-filter`; on `expired`: `ttl`.
    reason: str | None = None
    #: Why the file cannot be read as a record, or what it does not say.
    problem: str | None = None
    #: `restart`: it happened while the server was away. `resync`, of this client's own making: after a new snapshot, a record
    #: that had stood and is not in it.
    observed: str | None = None
    lease: EventLease | None = None

    @property
    def timestamp(self) -> str:
        """When it was generated: ISO 8601 UTC."""
        return iso_date(self.time_ms) or ""

    def as_json(self) -> dict[str, Any]:
        """The JSON view that SDK, command line and HTTP show; what is absent is left out."""
        view: dict[str, Any] = {
            "schema_version": self.schema_version,
            "event_type": self.event_type,
            "kind": self.kind,
            "id": self.id,
            "timestamp": self.timestamp,
            "data": self.data,
            "revision": self.revision,
            "cursor": self.cursor,
        }
        for name in ("reason", "problem", "observed"):
            if getattr(self, name) is not None:
                view[name] = getattr(self, name)
        if self.lease is not None:
            lease: dict[str, Any] = {"reservation": self.lease.reservation, "state": self.lease.state}
            if self.kind == "reservation":
                lease["expires_at"] = self.data.get("expires_at")
            lease["effective_expires_at"] = self.lease.effective_expires_at
            lease["extended_by"] = self.lease.extended_by
            view["lease"] = lease
        return view


@dataclass(frozen=True)
class Synced:
    """All that stood is known; what comes now is change."""

    #: Resume here.
    cursor: str


@dataclass(frozen=True)
class Resync:
    """What follows is a new snapshot: forget what is not in it."""

    #: One of the protocol's; or `interrupted`: the connection broke inside a snapshot; or `gap`: events were missing, which is
    #: a bug of the server, of this client or of something between.
    reason: str


#: What a subscription brings, in order.
Update = Event | Synced | Resync


@dataclass(frozen=True)
class Origin:
    """What turns an event of the wire into an :class:`Event`: known to a connection from its welcome."""

    schema_version: str
    epoch: str


def is_known_event(wire: Message) -> bool:
    """Whether this program has names for an event's type and kind; a newer server may send others, which are passed over."""
    return 0 <= integer(wire[1]) < len(EVENT_TYPES) and 0 <= integer(wire[2]) < len(KINDS)


def read_event(wire: Message, origin: Origin, resume_after: int | None = None) -> Event:
    """
    `resume_after`: the revision after which to resume once it has been consumed; by default the event's own, or the beginning
    for a snapshot event. Raises ValueError, IndexError, TypeError for what is no event.
    """
    revision, event_type, kind, id, time_ms, data = wire[:6]
    reason, problem, observed, lease = (*wire[6:10], None, None, None, None)[:4]
    if not isinstance(id, str) or not isinstance(data, dict):
        raise TypeError("an event without an id or data")
    name = EVENT_TYPES[integer(event_type)]
    after = resume_after if resume_after is not None else 0 if name == "snapshot" else integer(revision)
    return Event(
        schema_version=origin.schema_version,
        event_type=name,
        kind=KINDS[integer(kind)],
        id=id,
        time_ms=integer(time_ms),
        data=data,
        revision=integer(revision),
        cursor=f"{origin.epoch}:{after}",
        reason=reason,
        problem=problem,
        observed=observed,
        lease=_read_lease(lease, id),
    )


def _read_lease(said: Any, id: str) -> EventLease | None:
    """`None` for what is none, as in an event of another make or of a later one."""
    if not isinstance(said, list) or not said or not isinstance(said[0], str):
        return None
    state, end, extended_by, reservation = (*said, None, None, None)[:4]
    is_time = isinstance(end, (int, float)) and not isinstance(end, bool)
    return EventLease(
        reservation=reservation if isinstance(reservation, str) else id,
        state=state,
        effective_expires_at=iso_date(end) if is_time else None,
        extended_by=extended_by if isinstance(extended_by, str) else None,
    )
