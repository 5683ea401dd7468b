"""The fields of one record, read generously where the meaning is certain: agents write records by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from .address import Address, AddressError, normal_branch, parse_address
from .address_spellings import MAX_ADDRESSES, spellings_in
from .text import is_number, number_text, trimmed
from .timestamp import parse_timestamp

#: Arrays in arrays beyond this depth are not read as lists of addresses.
_MAX_ARRAY_DEPTH: Final = 4
_ADDRESS_FIELDS: Final = ("addresses", "address")
#: What some agents write in their place. Beside them they may name more than what is held: the files of a symbol.
_FILE_FIELDS: Final = ("files", "paths")
_NAME_FIELDS: Final = ("address", "path", "file", "uri", "name")
_ARRAY_TEXT: Final = re.compile(r"""\s*\[\s*["{[]""")
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


def address_fields(data: Data) -> tuple[tuple[Address, ...], bool]:
    """The addresses of a record, each once, and whether it may be about any other: it has too many, or one of no known place."""
    found: dict[str, Address] = {}
    is_cut = False
    for field in _address_fields_of(data):
        spellings = _spellings_of(data.get(field))
        is_cut = is_cut or len(spellings) > MAX_ADDRESSES
        for spelling in spellings[:MAX_ADDRESSES]:
            try:
                address = parse_address(spelling)
            except AddressError as fault:
                is_cut = is_cut or fault.problem in ("outside", "absolute")
                continue
            found[address.text] = address
            is_cut = is_cut or address.text.startswith("/")
    return tuple(found.values()), is_cut


def address_texts(data: Data) -> list[str]:
    """The addresses of a record as they are written, for filters, which compare texts."""
    return [text for field in _address_fields_of(data) for text in _spellings_of(data[field])]


def _address_fields_of(data: Data) -> list[str]:
    said = [field for field in (*_ADDRESS_FIELDS, *_FILE_FIELDS) if not is_nothing(data.get(field)) and data[field] != []]
    return [field for field in said if field in _ADDRESS_FIELDS] or said


def _spellings_of(value: object, depth_left: int = _MAX_ARRAY_DEPTH) -> list[str]:
    """
    The addresses that a value names: a text (see `spellings_in`), an object that names one or whose keys are addresses, or an array
    of these, also as a text in JSON; an object may also have them in a field of its own. What names none is passed over: the others
    are held nevertheless.
    """
    if isinstance(value, dict):
        texts = _of_object(value) or _keys_of(value)
        if texts or depth_left == 0:
            return texts
        return _spellings_of([value[field] for field in _address_fields_of(value)], depth_left)
    if isinstance(value, list):
        if depth_left == 0:
            return []
        return [text for item in value for text in _spellings_of(item, depth_left - 1)]
    if not isinstance(value, str):
        return []
    items = _array_in(value)
    return spellings_in(value) if items is None else _spellings_of(items, depth_left)


def _array_in(text: str) -> list[Any] | None:
    if not _ARRAY_TEXT.match(text):
        return None
    try:
        return cast("list[Any]", json.loads(text))
    except (ValueError, RecursionError):
        return None


def _of_object(value: object) -> list[str]:
    if not isinstance(value, dict):
        return []
    texts = (value.get(field) for field in _NAME_FIELDS)
    name = next((text for text in texts if isinstance(text, str) and trimmed(text) != ""), None)
    if name is None:
        return []
    symbol = value.get("symbol")
    return [f"{name}::{symbol}"] if isinstance(symbol, str) and symbol != "" and "::" not in name else spellings_in(name)


def _keys_of(value: Data) -> list[str]:
    """`{"src/a.py": "modify"}`: keys that can only be addresses."""
    keys = list(value)
    return keys if all(_ONLY_AN_ADDRESS.search(key) for key in keys) else []
