"""The addresses that a text may name."""

from __future__ import annotations

import re
from typing import Final

from .text import SPACE, trimmed

#: Of a field that names more, the others are not read: an index must not grow by what one file says.
MAX_ADDRESSES: Final = 10_000

#: So many show that there are too many.
_ENOUGH: Final = MAX_ADDRESSES + 1
_LINES: Final = re.compile(r"[\n\v\f\r\x85\u2028\u2029]+")
_LIST_SEPARATOR: Final = re.compile(r"[,;]")
_BLANKS: Final = re.compile(f"[{SPACE}]+")
#: The mark before an entry of a list, with its check box, and the `@` before a file that an agent mentions.
_ENTRY_MARK: Final = re.compile(
    rf"(?:(?:[-*+•]|[0-9]{{1,3}}[.)])[{SPACE}]+(?:\[[ xX]\][{SPACE}]+)?)?(?:@(?=[A-Za-z0-9_./]))?"
)
#: A name with an extension, perhaps with a position, a symbol or a quote after it.
_FILE_NAME: Final = re.compile(r"""(?:\A|[^.])\.[A-Za-z][A-Za-z0-9_]*(?:[:#)"'`].*)?\Z""", re.DOTALL)
#: A line, or several, with columns, after a name: from compilers and `grep -n` (`a.py:12:3`, `a.py(12,3)`), agents (`a.py:12-20`), code
#: hosts (`a.py#L12-L20`).
_POSITION: Final = re.compile(
    r"(?<=[^:])(?::[0-9]+){1,2}(?:-[0-9]+(?::[0-9]+)?)?\Z"
    rf"|(?<=.)(?:#L[0-9]+(?:C[0-9]+)?(?:-L?[0-9]+(?:C[0-9]+)?)?|\([0-9]+(?:,[{SPACE}]?[0-9]+)?\))\Z"
)
#: What some tools write for the `::` before a symbol: `a.py:f`, `a.rb#f`.
_SYMBOL_MARK: Final = re.compile(rf"(\.[A-Za-z][A-Za-z0-9_]{{0,15}})[:#](?=[^{SPACE}0-9:#/])")


def spellings_in(text: str) -> list[str]:
    """
    The addresses that a text may name, in a record or in a question: one a line, or separated by commas or blanks. `a.py:12` may be a line
    of `a.py`, or a file of that name, and `a.py, b.py` two files or one. All readings count: one alone could be a wrong "free".
    If there are more than MAX_ADDRESSES, more than these are returned, but not all.
    """
    lines = [line for line in _LINES.split(text) if trimmed(line) != ""] if _LINES.search(text) else [text]
    parts = [part for line in lines[:_ENOUGH] for part in (line, *_parts_of(line))]
    readings = [reading for part in parts[:_ENOUGH] for reading in (part, *_words_of(part))]
    return [spelling for reading in readings[:_ENOUGH] for spelling in (reading, *_plainest(reading))]


def _parts_of(line: str) -> list[str]:
    """The entries of a list in a line."""
    parts = _split_list(line) if _LIST_SEPARATOR.search(line) else [line]
    unmarked = (_ENTRY_MARK.sub("", trimmed(part), count=1) for part in parts[:_ENOUGH])
    return [part for part in unmarked if part not in ("", trimmed(line))]


def _split_list(line: str) -> list[str]:
    """Splits at separators outside of brackets, which belong to a glob or to parameters; at all of them if a bracket is not closed."""
    parts: list[str] = []
    depth = start = 0
    for at, char in enumerate(line):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and char in ",;":
            parts.append(line[start:at])
            start = at + 1
    return [*parts, line[start:]] if depth == 0 else _LIST_SEPARATOR.split(line)


def _words_of(part: str) -> list[str]:
    """The words that name files, if the first one does: `src/a.py => src/b.py`, `src/a.py line 12`, but not `My App/a.py`."""
    first, *others = _BLANKS.split(trimmed(part))
    return [first, *filter(_names_file, others)] if others and _names_file(first) else []


def _names_file(word: str) -> bool:
    return "::" in word or _FILE_NAME.search(word[word.rfind("/") + 1 :]) is not None


def _plainest(spelling: str) -> list[str]:
    """A spelling without the position at its end, or with the usual mark before its symbol, if it has another."""
    text = trimmed(spelling)
    place = _POSITION.sub("", text)
    plain = _SYMBOL_MARK.sub(r"\1::", text, count=1) if place == text and "::" not in text else place
    return [] if plain == text else [plain]
