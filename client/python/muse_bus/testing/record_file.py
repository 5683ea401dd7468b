"""What a server reads of a record's file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

_MAX_BYTES: Final = 262_144
_MAX_DEPTH: Final = 32
_MAX_SAFE: Final = 2**53 - 1


class _Unread(Exception):
    """The problem of a file that is not read."""


def read_as_file(data: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The data, and the problem of a file that a server would not read. Raises TypeError for what JSON does not have."""
    text = json.dumps(dict(data), ensure_ascii=False)
    if len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        return {}, "too-large"
    try:
        read: dict[str, Any] = _read(json.loads(text), _MAX_DEPTH)
    except _Unread as unread:
        return {}, str(unread)
    return read, None


def _read(value: Any, depth_left: int) -> Any:
    """What the wire cannot carry is replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > _MAX_SAFE:
        # A server reads a double.
        return int(float(value)) if abs(value) < 2**63 else float(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth_left == 0:
        raise _Unread("too-deep")
    if isinstance(value, list):
        return [_read(item, depth_left - 1) for item in value]
    if "__proto__" in value:
        raise _Unread("unsafe-key")
    return {_read(key, depth_left): _read(inner, depth_left - 1) for key, inner in value.items()}
