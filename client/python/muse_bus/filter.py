"""What is checked of a filter before it is sent: a mistake shows at the call that made it. The rest the server says itself."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Final

from .bus_error import BusError
from .record_id import RECORD_ID_FAULTS, record_id_fault
from .wire import DIRECTORIES, EVENT_TYPES, KINDS, Kind

#: As the wire has it: fields to lists of texts.
Filter = dict[str, list[str]]

_FIELDS: Final = ("kinds", "run_ids", "branches", "ids", "addresses", "event_types")


def read_filter(**fields: Sequence[str] | None) -> Filter:
    """Raises BusError `bad-option`."""
    for name in fields:
        if name not in _FIELDS:
            raise _unknown("filter", name, "field", _FIELDS)
    filter: Filter = {}
    for name in _FIELDS:
        values = fields.get(name)
        if values is None:
            continue
        is_list = isinstance(values, Collection) and not isinstance(values, (str, bytes))
        if not is_list or not values or not all(_is_text(value) for value in values):
            text = f"filter: {name} must be a list of one or more texts, got {values!r}"
            raise BusError("bad-option", text, f'write {name}=["…"]')
        if any(value.strip() == "" for value in values):
            # It usually comes from an unset variable, and would match nothing for ever.
            raise BusError("bad-option", f"filter: a value of {name} is empty", "leave it out to match any")
        filter[name] = list(values)
    if "kinds" in filter:
        filter["kinds"] = [read_kind(kind, "filter") for kind in filter["kinds"]]
    for id in filter.get("ids", ()):
        _check_id(id, "filter")
    for event_type in filter.get("event_types", ()):
        if event_type not in EVENT_TYPES:
            raise _unknown("filter", event_type, "type of event", EVENT_TYPES)
    return filter


def read_kind(name: object, call: str) -> Kind:
    """A kind by its name or that of its directory. Raises BusError `bad-option`."""
    for kind in KINDS:
        if name == kind:
            return kind
    known = DIRECTORIES.get(name) if isinstance(name, str) else None
    if known is None:
        raise _unknown(call, name, "kind", KINDS)
    return known


def read_record(kind: object, id: object, call: str) -> tuple[Kind, str]:
    """How long an id may be, a server says itself. Raises BusError `bad-option`."""
    known = read_kind(kind, call)
    if not isinstance(id, str):
        raise BusError("bad-option", f"{call}: id must be a text, got {id!r}")
    _check_id(id, call)
    return known, id


def _check_id(id: str, call: str) -> None:
    fault = record_id_fault(id)
    if fault is not None:
        raise BusError("bad-option", f"{call}: the id {id[:40]!r} {RECORD_ID_FAULTS[fault]}")


def _is_text(value: object) -> bool:
    """A surrogate that stands alone is no text that can be sent."""
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _unknown(call: str, found: object, what: str, known: Sequence[str]) -> BusError:
    near = difflib.get_close_matches(found, known, 1) if isinstance(found, str) else []
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return BusError("bad-option", f"{call}: {found!r} is no {what}; {advice}", advice)
