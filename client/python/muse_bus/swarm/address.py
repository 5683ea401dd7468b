"""Addresses: a file, a symbol, a directory or a pattern."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from .address_pattern import Reading, read_pattern, unescaped
from .address_spellings import MAX_ADDRESSES, spellings_in
from .text import SPACE, trimmed, units

AddressKind = Literal["file", "symbol", "nested-symbol", "directory", "pattern"]
AddressFault = Literal["empty", "outside", "absolute", "no-file", "negated", "too-long"]

#: Longer texts are no path on any system.
MAX_ADDRESS_CHARACTERS: Final = 8_192

_SYMBOL: Final = "::"
#: The first `::`, and what more colons there are.
_SYMBOL_MARK: Final = re.compile(r":{2,}")
#: What joins the names of a symbol in some language: `A.f`, `A::f`, `A:f`, `A->f`, `A#f` (`A.#f` is a name of its own), `f/2`.
_NAME_SEPARATOR: Final = re.compile(rf":{{2,}}|:(?![0-9])|\.|/(?=[0-9])|->|(?<=[^{SPACE}:./>])#")
_NAME_END: Final = re.compile(rf"[^{SPACE}@?+*!:./>#(<-]")
#: A backslash before a wildcard takes its meaning away; any other separates names, as a program on Windows writes it.
_SEPARATING_BACKSLASH: Final = re.compile(r"\\(?![*?[\]{}])")
_DRIVE: Final = re.compile(r"[A-Za-z]:/")
_MARKED: Final = re.compile(r"\.\.?(?:[/\\]|\Z)")
_DIRECTORY_END: Final = re.compile(rf"(?:\A|/)[{SPACE}]*\.{{0,2}}[{SPACE}]*\Z")


@dataclass(frozen=True)
class Address:
    """An address, parsed once: `src/billing.py`, `src/billing.py::Invoice.render`, `src/`, `src/*.py`."""

    #: The normal form: equal for two spellings of one address.
    text: str
    kind: AddressKind
    #: The steps from the root: `/src`, `/billing.py`, `:Invoice`, `:render`. An address covers those that begin with its steps.
    steps: tuple[str, ...]
    #: The steps before the first one with a wildcard; all of them where there is none.
    fixed_steps: tuple[str, ...]
    #: What the text can mean. The first is always the text itself; a text with wildcards has more.
    readings: tuple[Reading, ...]


class AddressError(ValueError):
    """Why a text is no address. The message says it to a person."""

    def __init__(self, problem: AddressFault, text: str) -> None:
        super().__init__(text)
        self.problem: Final = problem


@dataclass(frozen=True)
class AddressContext:
    """Where an address was written, which a spelling may be relative to."""

    #: Absolute paths of the repository: its root and its worktrees, with `/` between names.
    roots: Sequence[str] = ()
    #: The working directory, from the root of the repository: `src/billing`.
    working_directory: str = ""
    #: Whether a backslash always separates names, as it does on Windows.
    is_windows: bool = False


_ANYWHERE: Final = AddressContext()
_HEADS: Final = re.compile(r"\A(?:refs/)?heads/")
#: Characters without width, which come with a text that was copied from a page.
_INVISIBLE: Final = re.compile("[\0\u00ad\u200b\u200e\u200f\u2060\ufeff]")
#: What a shell or an editor would have replaced by an absolute path: `~/`, `$HOME/`, `${workspaceFolder}/`.
_FROM_VARIABLE: Final = re.compile(r"(?:~|\$[A-Z_]+|\$\{[A-Za-z0-9_]+\}|%[A-Za-z0-9_]+%)/")
_QUOTED: Final = re.compile(r"""(["'`])(.+)\1""", re.DOTALL)
_FILE_URL: Final = re.compile(r"file://(?:localhost)?(?=/)", re.IGNORECASE)


def _path_in(text: str) -> str:
    """A text without the quotes around it, and without the `file://` of a url."""
    quoted = _QUOTED.fullmatch(text)
    inner = trimmed(quoted[2]) if quoted else text
    path = _FILE_URL.sub("", inner, count=1) if _FILE_URL.match(inner) else inner
    return inner if path == inner else _decoded(path)


def _decoded(path: str) -> str:
    try:
        return path if re.search(r"%(?![0-9A-Fa-f]{2})", path) else unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path


def parse_address(spelling: str, context: AddressContext = _ANYWHERE) -> Address:
    """
    Reads one spelling of an address: trims blanks, joins `//` and `/./`, resolves `..`, takes an absolute path below one of
    the roots as the path from there, composes letters and accents (NFC), drops characters that are not visible and a `::` with
    nothing after it, and takes off the quotes around it and the `file://` of a url.

    Raises AddressError.
    """
    text = _path_in(trimmed(_INVISIBLE.sub("", unicodedata.normalize("NFC", spelling))))
    if text == "":
        raise AddressError("empty", "the address is empty")
    if units(text) > MAX_ADDRESS_CHARACTERS:
        raise AddressError("too-long", f"the address has more than {MAX_ADDRESS_CHARACTERS} characters")
    if _FROM_VARIABLE.match(_slashed(text, context)):
        raise AddressError("absolute", f"{_shown(text)} is a path from a directory that only its writer knows")
    mark = _SYMBOL_MARK.search(text)
    written = text[: mark.start()] if mark else text
    names, is_directory = _resolve(_slashed(written, context), context)
    symbol = _symbol_steps(text[mark.end() :]) if mark else []
    if not names and symbol:
        raise AddressError("no-file", f"{_shown(text)} names no file; write src/billing.py::compute_total")
    return _make(names, is_directory and not symbol, symbol)


def parse_query(spelling: str, context: AddressContext = _ANYWHERE) -> tuple[Address, ...]:
    """
    Reads what a person asks for: what a record would name by this text. A path that is not marked as relative (`./x`) may be meant
    from the working directory or from the root. All readings are asked for, because the answer for one alone could be a wrong "free".

    Raises AddressError.
    """
    found: dict[str, Address] = {}
    spellings = spellings_in(spelling)
    if len(spellings) > MAX_ADDRESSES:
        raise AddressError("too-long", f"the text names more than {MAX_ADDRESSES} addresses")
    for reading in spellings or [spelling]:
        for address in _parse_reading(reading, context):
            found[address.text] = address
    return tuple(found.values())


def _parse_reading(spelling: str, context: AddressContext) -> tuple[Address, ...]:
    text = _path_in(trimmed(spelling))
    if text.startswith("!"):
        raise AddressError("negated", f"{_shown(text)} begins with !; ask for what is wanted, not for what is not")
    is_absolute = _is_absolute(_slashed(text, context))
    if is_absolute and not context.roots:
        advice = "give the path from the root of the repository"
        raise AddressError("absolute", f"{_shown(text)} is an absolute path; {advice}")
    if _MARKED.match(text) or is_absolute or context.working_directory == "":
        return (parse_address(spelling, context),)
    found: list[Address] = []
    first_fault: AddressError | None = None
    for place in (context, AddressContext(context.roots, "", context.is_windows)):
        try:
            found.append(parse_address(spelling, place))
        except AddressError as fault:
            first_fault = first_fault or fault
    if not found and first_fault is not None:
        raise first_fault
    return tuple(found)


def normal_branch(branch: str) -> str:
    """A branch by its short name: `refs/heads/main` is `main`. Letters and accents are composed (NFC), as in addresses."""
    return _HEADS.sub("", trimmed(unicodedata.normalize("NFC", branch)))


def _shown(text: str) -> str:
    return json.dumps(f"{text[:60]}…" if len(text) > 60 else text, ensure_ascii=False)


def _slashed(path: str, context: AddressContext) -> str:
    return path.replace("\\", "/") if context.is_windows else _SEPARATING_BACKSLASH.sub("/", path)


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or _DRIVE.match(path) is not None


def _resolve(path: str, context: AddressContext) -> tuple[list[str], bool]:
    def outside() -> AddressError:
        return AddressError("outside", f"{_shown(path)} is outside of the repository")

    absolute = _is_absolute(path)
    below = _below_roots(path, context.roots) if absolute else None
    # Without a root that it is below, an absolute path stays what it is: nothing in the repository is called so.
    if absolute and below is None and context.roots:
        raise outside()
    names = [] if absolute else _names_of(context.working_directory)
    for name in _names_of(path if below is None else below):
        if name == ".":
            continue
        if name != "..":
            names.append(name)
        elif names:
            names.pop()
        else:
            raise outside()
    if absolute and below is None:
        if not names:
            raise outside()
        names.insert(0, "")
    return names, _DIRECTORY_END.search(path) is not None


def _below_roots(path: str, roots: Sequence[str]) -> str | None:
    """The part of an absolute path below the deepest of the roots that it is in."""
    wanted = "/" + "/".join(_names_of(path))
    found: str | None = None
    for root in roots:
        prefix = "/" + "/".join(_names_of(unicodedata.normalize("NFC", root).replace("\\", "/")))
        if wanted == prefix:
            rest = ""
        elif wanted.startswith(f"{prefix}/"):
            rest = wanted[len(prefix) + 1 :]
        else:
            continue
        if found is None or len(rest) < len(found):
            found = rest
    return found


def _names_of(path: str) -> list[str]:
    """Blanks around a name are a slip of who wrote it; a colon at its end belongs to a drive, or to the mark of a symbol."""
    names = (trimmed(name).rstrip(f"{SPACE}:") for name in path.split("/"))
    return [name for name in names if name != ""]


def _symbol_steps(symbol: str) -> list[str]:
    """Names nest: a class covers its methods."""
    names = map(trimmed, _NAME_SEPARATOR.split(_without_parameters(symbol)))
    return [name for name in names if name != ""]


def _without_parameters(symbol: str) -> str:
    """The parameters of a function, and the arguments of a call or a type, are no part of its name; the brackets of a glob are."""
    name: list[str] = []
    depth = 0
    before = ""
    for char in symbol:
        if char in "(<" and (depth > 0 or (name and _NAME_END.match(name[-1]))):
            depth += 1
        elif depth == 0:
            name.append(char)
        elif char == ")" or (char == ">" and before not in "=-"):
            depth -= 1
        before = char
    return "".join(name)


def _make(names: list[str], is_directory: bool, symbol: list[str]) -> Address:
    path = "/".join(names) if names else "."
    text = path + ("/" if is_directory and names else "") + (_SYMBOL + ".".join(symbol) if symbol else "")
    steps = (*(f"/{unescaped(name)}" for name in names), *(f":{unescaped(name)}" for name in symbol))
    readings, wild_at = read_pattern(names, symbol)
    # A text whose wildcards may well be part of a name is called what it would be without them.
    is_pattern = any(reading.meaning == "pattern" for reading in readings)
    kind: AddressKind = "pattern" if is_pattern else _kind_of(is_directory or not names, symbol)
    return Address(text, kind, steps, steps if wild_at is None else steps[:wild_at], readings)


def _kind_of(is_directory: bool, symbol: list[str]) -> AddressKind:
    if len(symbol) > 1:
        return "nested-symbol"
    if symbol:
        return "symbol"
    return "directory" if is_directory else "file"
