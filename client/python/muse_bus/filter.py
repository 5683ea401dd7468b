"""What is checked of a filter before it is sent: a mistake shows at the call that made it. The rest the server says itself."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from .bus_error import BusError
from .wire import DIRECTORIES, EVENT_TYPES, KINDS, Kind

#: As the wire has it: fields to lists of texts.
Filter = dict[str, list[str]]

_FIELDS: Final = ("kinds", "run_ids", "branches", "ids", "addresses", "event_types")


def read_filter(**fields: Sequence[str] | None) -> Filter:
    """Raises BusError `bad-option`."""
    filter: Filter = {}
    for name in _FIELDS:
        values = fields.get(name)
        if values is None:
            continue
        if isinstance(values, (str, bytes)) or not values or not all(_is_text(value) for value in values):
            text = f"filter: {name} must be a list of one or more texts, got {values!r}"
            raise BusError("bad-option", text, f'write {name}=["…"]')
        filter[name] = list(values)
    if "kinds" in filter:
        filter["kinds"] = [read_kind(kind, "filter") for kind in filter["kinds"]]
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
    """What more a server asks of an id, it says itself. Raises BusError `bad-option`."""
    known = read_kind(kind, call)
    if not _is_text(id) or not isinstance(id, str) or id == "":
        raise BusError("bad-option", f"{call}: id must be a text that is not empty, got {id!r}")
    return known, id


def _is_text(value: object) -> bool:
    """A surrogate that stands alone is no text that can be sent."""
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _unknown(call: str, found: object, what: str, known: Sequence[str]) -> BusError:
    near = difflib.get_close_matches(found, known, 1) if isinstance(found, str) else []
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return BusError("bad-option", f"{call}: {found!r} is no {what}; {advice}", advice)
