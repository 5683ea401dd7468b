"""The fields of one record, read generously where the meaning is certain: agents write records by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .address import Address, AddressError, normal_branch, parse_address
from .text import is_number, number_text, trimmed
from .timestamp import parse_timestamp

#: A record that names more is cut: an index must not grow by what one file says.
MAX_ADDRESSES: Final = 10_000
_NAME_FIELDS: Final = ("address", "path", "file", "name")
_LINES: Final = re.compile(r"[\r\n]+")
_ONLY_AN_ADDRESS: Final = re.compile(r"[/.]|::")

Data = Mapping[str, Any]


def is_nothing(value: object) -> bool:
    """Not there, null, or blank: Muse writes `""` and `null` for what it does not know."""
    return value is None or (isinstance(value, str) and trimmed(value) == "")


def text_field(data: Data, field: str) -> str | None:
    """A text that is not blank; a number is its digits."""
    value = data.get(field)
    if isinstance(value, str):
        return None if is_nothing(value) else value
    return number_text(value) if is_number(value) else None


def time_field(data: Data, *fields: str) -> int | None:
    """The first of several fields that says a time; Unix milliseconds."""
    times = (parse_timestamp(data.get(field)) for field in fields)
    return next((time for time in times if time is not None), None)


def branch_field(data: Data) -> str | None:
    branch = text_field(data, "branch")
    return None if branch is None else normal_branch(branch)


def address_fields(data: Data) -> tuple[Address, ...]:
    """The addresses of a record, each once."""
    found: dict[str, Address] = {}
    for field in ("addresses", "address"):
        value = data.get(field)
        for spelling in ([] if is_nothing(value) else _spellings_of(value) or [])[:MAX_ADDRESSES]:
            try:
                address = parse_address(spelling)
            except AddressError:
                continue
            found[address.text] = address
    return tuple(found.values())


def _spellings_of(value: object) -> list[str] | None:
    """
    The addresses that a value says: a text (one a line), an array of texts or objects, an object that names one, or one whose
    keys are addresses. `None` where some of it says none.
    """
    if isinstance(value, str):
        return _LINES.split(value)
    if isinstance(value, list):
        spellings: list[str] = []
        for item in value:
            if is_nothing(item):
                continue
            said = [item] if isinstance(item, str) else _of_object(item) if isinstance(item, dict) else None
            if said is None:
                return None
            spellings.extend(said)
        return spellings
    if isinstance(value, dict):
        return _of_object(value) or _keys_of(value)
    return None


def _of_object(value: Data) -> list[str] | None:
    texts = (value.get(field) for field in _NAME_FIELDS)
    name = next((text for text in texts if isinstance(text, str) and trimmed(text) != ""), None)
    if name is None:
        return None
    symbol = value.get("symbol")
    return [f"{name}::{symbol}" if isinstance(symbol, str) and symbol != "" and "::" not in name else name]


def _keys_of(value: Data) -> list[str] | None:
    """`{"src/a.py": "modify"}`: keys that can only be addresses."""
    keys = list(value)
    return keys if keys and all(_ONLY_AN_ADDRESS.search(key) for key in keys) else None
