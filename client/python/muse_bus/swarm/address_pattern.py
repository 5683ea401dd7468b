"""
The wildcards of addresses. They say less than a filter's globs and hide no names that begin with a dot, because the question
here is not which records to send but whether two agents may meet: `*` is any text without a slash, `?` one character of it,
`**` any text, `[a-c]` and `{a,b}` a choice, and none of them reaches over `::`. Whatever else a glob could say is read as
more than it says, never as less.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from .text import order, units


@dataclass(frozen=True)
class Char:
    char: str


@dataclass(frozen=True)
class One:
    """One character of a name."""


@dataclass(frozen=True)
class Run:
    """Any text; `crosses` slashes too."""

    crosses: bool


@dataclass(frozen=True)
class Class:
    ranges: tuple[tuple[str, str], ...]
    is_negated: bool


@dataclass(frozen=True)
class Skip:
    """The next `count` tokens may be left out."""

    count: int


Token = Char | One | Run | Class | Skip
#: How far a reading is taken to cover: what it says, the symbols in that too, or all that lies below.
Reach = Literal["itself", "symbols", "below"]


@dataclass(frozen=True)
class Reading:
    """
    One meaning of an address. `text`: the text itself. `pattern`: its wildcards are meant. `perhaps`: they may be part of a
    name, as in `app/[id]/page.tsx` or `empty?`; two such texts meet only if they are equal.
    """

    meaning: Literal["text", "pattern", "perhaps"]
    tokens: tuple[Token, ...]
    #: `symbols` where the last name has an extension, and is a file's as far as anybody can tell.
    reach: Literal["symbols", "below"]


#: Stands for the `::` before a symbol, which a text has once.
_SYMBOL: Final = "\0"
#: Stands for every character that no pattern names.
_OTHER: Final = "\ue000"
_MAX_ALTERNATIVES: Final = 64
_MAX_PATTERN_CHARACTERS: Final = 512
_MAX_WILDCARDS: Final = 32
#: Two texts whose product is larger are not compared: they are taken to meet, which at worst blocks more than it should.
_MAX_PRODUCT: Final = 65_536

_ANY: Final = r"[^\n\r\u2028\u2029]"
_CHOICE: Final = re.compile(r"[@?+*!]\([^()]*\|[^()]*\)")
_WILDCARD: Final = re.compile(r"[*?\[{]|[@+!]\([^()]*\|")
_ESCAPED: Final = re.compile(rf"\\{_ANY}")
_ESCAPED_WILDCARD: Final = re.compile(r"\\([*?\[\]{}])")
_HAS_EXTENSION: Final = re.compile(rf"{_ANY}+\.[^.]*[^.*?]")
_BRACKETS: Final = re.compile(r"\[([^\]/]*)\]")
_CERTAIN_CLASS: Final = re.compile(rf"[!^]{_ANY}+|(?:{_ANY}-{_ANY})+")
_STARS: Final = re.compile(r"\*+")
_CLASS: Final = re.compile(r"\[([!^]?)([^\]/]+)\]")


def unescaped(text: str) -> str:
    return _ESCAPED_WILDCARD.sub(r"\1", text)


def read_pattern(names: list[str], symbol: list[str]) -> tuple[tuple[Reading, ...], int | None]:
    """The readings, and the number of the first step with a wildcard."""
    text = "/".join(names) + (_SYMBOL + ".".join(symbol) if symbol else "")
    is_file = not symbol and names and _HAS_EXTENSION.fullmatch(names[-1]) is not None
    reach: Literal["symbols", "below"] = "symbols" if is_file else "below"
    itself = Reading("text", _chars(unescaped(text)), reach)
    steps = (*names, *symbol)
    wild_at = next((at for at, name in enumerate(steps) if _WILDCARD.search(_ESCAPED.sub("", name))), None)
    if wild_at is None:
        return (itself,), None
    alternatives = _expand_braces(text) if units(text) <= _MAX_PATTERN_CHARACTERS else None
    read = None if alternatives is None else [_tokens_of(alternative) for alternative in alternatives]
    is_bounded = read is not None and all(_wildcards_in(tokens) <= _MAX_WILDCARDS for tokens in read)
    is_single = alternatives is not None and len(alternatives) == 1
    meaning: Literal["pattern", "perhaps"] = (
        "perhaps" if is_bounded and is_single and _is_doubtful(text, bool(symbol)) else "pattern"
    )
    if is_bounded and read is not None:
        patterns = read
    else:
        # What costs too much to read is read as everything below the names that it certainly begins with.
        patterns = [(*_chars(unescaped("/".join(names[:wild_at]))), Run(crosses=True))]
    live = [tokens for tokens in patterns if _wildcards_in(tokens) > 0 or len(patterns) > 1]
    if not live:
        return (itself,), None
    return (itself, *(Reading(meaning, tokens, reach) for tokens in live)), wild_at


def _chars(text: str) -> tuple[Token, ...]:
    return tuple(Char(char) for char in text)


def _wildcards_in(tokens: Iterable[Token]) -> int:
    return sum(not isinstance(token, Char) for token in tokens)


def _is_doubtful(text: str, has_symbol: bool) -> bool:
    """Whether all that looks like a wildcard may as well be a name: Next.js' `[slug]`, Ruby's `empty?`."""
    plain = _ESCAPED.sub("", text)
    if "*" in plain or _CHOICE.search(plain):
        return False
    if "?" in (plain.removesuffix("?") if has_symbol else plain):
        return False
    return not any(_CERTAIN_CLASS.fullmatch(inner) for inner in _BRACKETS.findall(plain))


def _expand_braces(text: str) -> list[str] | None:
    """`None` where there are too many."""
    done: list[str] = []
    left = [text]
    while left:
        following = left.pop()
        group = _first_group(following)
        if group is None:
            done.append(following)
        else:
            start, end, parts = group
            left.extend(following[:start] + part + following[end:] for part in parts)
        if len(done) + len(left) > _MAX_ALTERNATIVES:
            return None
    return done


def _first_group(text: str) -> tuple[int, int, list[str]] | None:
    """The first `{a,b}` that is closed and has a comma of its own."""
    start = _next_brace(text, 0)
    while start >= 0:
        commas: list[int] = []
        depth = 0
        at = start
        while at < len(text):
            char = text[at]
            if char == "\\":
                at += 1
            elif char == "{":
                depth += 1
            elif char == "," and depth == 1:
                commas.append(at)
            elif char == "}":
                depth -= 1
                if depth == 0:
                    if not commas:
                        break
                    cuts = [start, *commas, at]
                    return start, at + 1, [text[cuts[i] + 1 : cut] for i, cut in enumerate(cuts[1:])]
            at += 1
        start = _next_brace(text, start + 1)
    return None


def _next_brace(text: str, start: int) -> int:
    at = start
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "{":
            return at
        at += 1
    return -1


def _tokens_of(text: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        rest = text[at : at + _MAX_PATTERN_CHARACTERS]
        choice = _CHOICE.match(rest)
        if choice is not None:
            tokens.append(Run(crosses=True))
            at += choice.end() - 1
        elif char == "*":
            run = _STARS.match(rest)
            stars = run.end() if run else 1
            is_whole_name = (at == 0 or text[at - 1] == "/") and text[at + stars : at + stars + 1] == "/"
            at += stars - 1
            if stars == 1:
                tokens.append(Run(crosses=False))
            elif not is_whole_name:
                tokens.append(Run(crosses=True))
            else:
                # `a/**/b` is `a/b` too.
                tokens.extend((Skip(2), Run(crosses=True), Char("/")))
                at += 1
        elif char == "?":
            tokens.append(One())
        elif char == "[":
            token, length = _read_class(rest)
            tokens.append(token)
            at += length - 1
        elif char == "\\" and at + 1 < len(text):
            at += 1
            tokens.append(Char(text[at]))
        else:
            tokens.append(Char(char))
        at += 1
    return tuple(tokens)


def _read_class(text: str) -> tuple[Token, int]:
    match = _CLASS.match(text)
    if match is None:
        return Char("["), 1
    ranges: list[tuple[str, str]] = []
    chars = match[2]
    at = 0
    while at < len(chars):
        if chars[at + 1 : at + 2] == "-" and at + 2 < len(chars) and order(chars[at]) <= order(chars[at + 2]):
            ranges.append((chars[at], chars[at + 2]))
            at += 2
        else:
            ranges.append((chars[at], chars[at]))
        at += 1
    return Class(tuple(ranges), match[1] != ""), match.end()


# ── whether two readings meet ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Step:
    """The characters that a step takes: `only` where it is one, else those of `candidates` and more that `has` says."""

    has: Callable[[str], bool]
    candidates: tuple[str, ...]
    next: int
    only: str | None = None


def meets(a: Reading, a_reach: Reach, b: Reading, b_reach: Reach) -> bool:
    """Whether there is a text that both readings reach: a search in the product of the two."""
    if len(a.tokens) * len(b.tokens) > _MAX_PRODUCT:
        return True
    seen = {(0, 0, False)}
    left = [(0, 0, False)]

    def visit(state: tuple[int, int, bool]) -> None:
        if state not in seen:
            seen.add(state)
            left.append(state)

    while left:
        i, j, in_symbol = left.pop()
        if i >= len(a.tokens) and j >= len(b.tokens):
            return True
        for over in _passed_over(a.tokens, i):
            visit((over, j, in_symbol))
        for over in _passed_over(b.tokens, j):
            visit((i, over, in_symbol))
        first = _step_from(a.tokens, i, a_reach, in_symbol)
        second = _step_from(b.tokens, j, b_reach, in_symbol)
        if first is None or second is None:
            continue
        for char in _common_chars(first, second):
            visit((first.next, second.next, in_symbol or char == _SYMBOL))
    return False


def _passed_over(tokens: tuple[Token, ...], at: int) -> tuple[int, ...]:
    """Where a token that takes nothing leads."""
    token = tokens[at] if at < len(tokens) else None
    if isinstance(token, Run):
        return (at + 1,)
    return (at + 1, at + 1 + token.count) if isinstance(token, Skip) else ()


def _step_from(tokens: tuple[Token, ...], at: int, reach: Reach, in_symbol: bool) -> _Step | None:
    if at > len(tokens):
        return _Step(lambda char: char != _SYMBOL or not in_symbol, ("/", _SYMBOL, ".", _OTHER), at)
    if at == len(tokens):
        return _step_below(not tokens, at, reach, in_symbol)
    token = tokens[at]
    if isinstance(token, Char):
        own = token.char
        return _Step(lambda char: char == own, (own,), at + 1, own)
    if isinstance(token, One):
        return _Step(lambda char: char not in ("/", _SYMBOL), (".", _OTHER), at + 1)
    if isinstance(token, Run):
        crosses = token.crosses
        return _Step(lambda char: char != _SYMBOL and (crosses or char != "/"), ("/", ".", _OTHER), at)
    if isinstance(token, Class):
        return _step_of_class(token, at)
    return None


def _step_below(is_root: bool, at: int, reach: Reach, in_symbol: bool) -> _Step | None:
    """What lies below: in the directory or file, or nested in the symbol. All lies below the root."""
    if reach == "itself":
        return None
    if is_root:
        return _Step(lambda char: char != _SYMBOL or not in_symbol, ("/", _SYMBOL, ".", _OTHER), at + 1)
    edges = (".",) if in_symbol else (_SYMBOL,) if reach == "symbols" else ("/", _SYMBOL)
    return _Step(lambda char: char in edges, edges, at + 1)


def _step_of_class(token: Class, at: int) -> _Step:
    def has(char: str) -> bool:
        if char in ("/", _SYMBOL):
            return False
        is_among = any(order(first) <= order(char) <= order(last) for first, last in token.ranges)
        return is_among != token.is_negated

    # `[b-d]` and `[!bd]` have only `c` in common: what begins behind a range that is left out, or ends before it.
    outside = 1 if token.is_negated else 0
    ends = (_besides(char, way) for pair in token.ranges for char, way in zip(pair, (-outside, outside), strict=True))
    return _Step(has, (".", _OTHER, *ends), at + 1)


def _besides(char: str, places: int) -> str:
    return chr(min(sys.maxunicode, max(0, ord(char) + places)))


def _common_chars(a: _Step, b: _Step) -> list[str]:
    if a.only is not None:
        candidates: tuple[str, ...] = (a.only,)
    elif b.only is not None:
        candidates = (b.only,)
    else:
        candidates = (*a.candidates, *b.candidates)
    return [char for char in candidates if a.has(char) and b.has(char)]
