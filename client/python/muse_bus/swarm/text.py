"""Text as the bus reads it, which is as JavaScript does: the answers of all clients are the same to the letter."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final, TypeGuard

#: What is trimmed from the ends of a text, and what counts as blank inside of it.
SPACE: Final = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


def trimmed(text: str) -> str:
    return text.strip(SPACE)


def order(text: str) -> bytes:
    """The key by which ids are ordered: UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def units(text: str) -> int:
    """How long a text is in UTF-16 code units, in which every limit is given."""
    return len(order(text)) // 2


def number_text(number: int | float) -> str:
    """A number as JSON writes it: `1` for 1.0, digits up to 10^21, an exponent beyond."""
    value = float(number)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    digits = repr(value)
    if 1e-6 <= abs(value) < 1e21:
        plain = format(Decimal(digits), "f")
        return plain[:-2] if plain.endswith(".0") else plain
    mantissa, _, exponent = digits.partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value of JSON is a number: Python's booleans pass for integers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
