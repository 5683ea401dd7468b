"""Which texts can be the id of a record: the rule of protocol/records/record-id.ts, but for its length, which a server limits."""

from __future__ import annotations

import re
from typing import Final, Literal

RecordIdFault = Literal["empty", "hidden", "path", "unprintable"]

_PATH: Final = re.compile(r"[/\\]")
#: Control characters, the marks that change the direction of text, what stands for bytes that are not UTF-8, and lone surrogates.
_UNPRINTABLE: Final = re.compile(
    "[\\u0000-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff\\ufffd\\ud800-\\udfff]"
)

#: Each as the end of a sentence about the id.
RECORD_ID_FAULTS: Final[dict[RecordIdFault, str]] = {
    "empty": "is empty",
    "hidden": "begins with a dot, as the names of temporary files do",
    "path": "is a path: an id is the name of a file, without .json",
    "unprintable": "has characters that no id has",
}


def record_id_fault(id: str) -> RecordIdFault | None:
    """Why a text can be the id of no record; `None` if one can have it."""
    if id == "":
        return "empty"
    if _PATH.search(id):
        return "path"
    if id.startswith("."):
        return "hidden"
    return "unprintable" if _UNPRINTABLE.search(id) else None
