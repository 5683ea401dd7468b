"""Whether two addresses can name the same code."""

from __future__ import annotations

from .address import Address
from .address_pattern import Reading, meets


def overlap(a: Address, b: Address) -> bool:
    """
    Whether one address covers the other, or something lies below both. A file overlaps its symbols, a class its methods, a
    directory what is in it, a pattern what it matches and all below that.
    """
    if is_below(a.steps, b.steps) or is_below(b.steps, a.steps):
        return True
    if len(a.readings) == 1 and len(b.readings) == 1:
        return False
    # Whatever a pattern matches lies below the names that it begins with.
    if is_below(a.fixed_steps, b.steps) or is_below(b.fixed_steps, a.steps):
        return True
    if not is_below(a.fixed_steps, b.fixed_steps) and not is_below(b.fixed_steps, a.fixed_steps):
        return False
    return any(_is_certain(one, other) and _can_meet(one, other) for one in a.readings for other in b.readings)


def is_below(steps: tuple[str, ...], above: tuple[str, ...]) -> bool:
    """Whether the steps lie at or below others."""
    return steps[: len(above)] == above


def _can_meet(a: Reading, b: Reading) -> bool:
    """A text that is matched lies below what matches a name before its end, which is a directory then."""
    return (
        meets(a, a.reach, b, b.reach)
        or (b.meaning == "text" and meets(a, "below", b, "itself"))
        or (a.meaning == "text" and meets(a, "itself", b, "below"))
    )


def _is_certain(a: Reading, b: Reading) -> bool:
    """Of two wildcards that may both be names, `[id]` and `[userId]`, nobody knows that they meet."""
    return a.meaning != "perhaps" or b.meaning != "perhaps"
