"""What a repository's server says of itself, and whether that is trusted: the rules of server/repository in TypeScript."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from .boot import boot_id as own_boot_id
from .bus_error import BusError
from .file_modes import keeps_modes
from .repository import current_user, is_own, is_sudo_user, is_writable_by_others, state_home
from .served_repository import other_repository
from .wire import parse_json

_MAX_ENDPOINT_BYTES: Final = 4_096
_MAX_TOKEN_LENGTH: Final = 512
_MAX_INTEGER: Final = 2**53 - 1
#: Exactly `ws://host:port` or `wss://host:port`, as servers write it: nothing in it that a terminal or a header would misread.
_URL: Final = re.compile(r"wss?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?(/[a-z0-9_-]{1,64})?", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Endpoint:
    """Where a bus is, how to authenticate, and which process serves it."""

    url: str
    token: str
    pid: int
    uid: int | None
    boot_id: str | None
    process_started: str | None


class _Refused(Exception):
    """The file is not used; `lead` and the message follow its path in a sentence."""

    lead = "is not trusted: it"


class _LeftOver(_Refused):
    """The server that wrote the file was killed."""

    lead = "is left over from"


def find_endpoint(root: Path, env: Mapping[str, str] | None = None) -> Endpoint:
    """
    Of the living server of a repository, by a file that only this user can have written, in this user's own state or in the
    repository. Whoever answers at its url has still to prove that it knows the token.

    Raises BusError `no-endpoint`, `untrusted-endpoint`.
    """
    path = root / ".muse" / "bus" / "endpoint.json"
    kept: str | None = None
    fault: BusError | None = None
    try:
        kept = _read_state_file(root, os.environ if env is None else env)
        if kept is not None:
            return _judged(root, kept, kept)
    except _Refused as refusal:
        fault = _untrusted(f"this user's own state of {root}", refusal)
    try:
        text = _read_bus_file(root)
        if text is not None:
            return _judged(root, text, kept)
    except _Refused as refusal:
        raise _untrusted(path, refusal) from refusal
    if fault is not None:
        raise fault
    raise BusError("no-endpoint", f"cannot read {path}: there is none", "start the server with muse-bus serve")


def _untrusted(what: object, refusal: _Refused) -> BusError:
    advice = "start the server with muse-bus serve, which writes it again, or name a bus with url and token"
    return BusError("untrusted-endpoint", f"{what} {refusal.lead} {refusal}", advice)


def _judged(root: Path, text: str, kept: str | None) -> Endpoint:
    """`kept`: what this user's state says, for where the platform cannot prove which process it is."""
    endpoint = _parse(text)
    if endpoint is None:
        raise _Refused("names no bus")
    state = _state_of_process(endpoint)
    if state == "lives" or (state == "unproven" and kept == text):
        # It may have come with a copy of the checkout.
        other = other_repository(parse_json(text), root)
        if other is not None:
            raise _Refused(f"names the server of {other}")
        return endpoint
    if state == "gone":
        raise _LeftOver(f"process {endpoint.pid}, which has ended")
    why = {
        "another": "which is not the one that wrote it",
        "unproven": "and this user's own state does not",
    }[state]
    raise _Refused(f"names process {endpoint.pid}, {why}")


def _parse(text: str) -> Endpoint | None:
    """`None` for what is none: it may have come with a checkout."""
    try:
        value = parse_json(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    url, token, pid = value.get("url"), value.get("token"), value.get("pid")
    if not isinstance(url, str) or _URL.fullmatch(url) is None:
        return None
    if not isinstance(token, str) or len(token) > _MAX_TOKEN_LENGTH or _TOKEN.fullmatch(token) is None:
        return None
    if not isinstance(pid, int) or isinstance(pid, bool) or not 1 <= pid <= _MAX_INTEGER:
        return None
    uid, boot_id, started = value.get("uid"), value.get("boot_id"), value.get("process_started")
    return Endpoint(
        url=url,
        token=token,
        pid=pid,
        uid=uid if isinstance(uid, int) and not isinstance(uid, bool) else None,
        boot_id=boot_id if isinstance(boot_id, str) else None,
        process_started=started if isinstance(started, str) else None,
    )


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_state_file(root: Path, env: Mapping[str, str]) -> str | None:
    """Outside of the checkout, where nothing can come with one; found by the repository's real path."""
    home = state_home(env)
    try:
        key = hashlib.sha256(os.fsencode(os.path.realpath(root, strict=True))).hexdigest()[:32]
        every = home / "muse-bus"
        for directory in (every, every / key):
            stats = os.lstat(directory)
            is_open = is_writable_by_others(stats) and keeps_modes(directory, stats)
            if not stat.S_ISDIR(stats.st_mode) or not is_own(stats) or is_open:
                raise _Refused(f"is in {directory}, which is not this user's alone")
        _prove_ancestors(Path(os.path.realpath(home, strict=True)), env)
        return _read_private(every / key / "endpoint.json")
    except OSError:
        return None


def _prove_ancestors(path: Path, env: Mapping[str, str]) -> None:
    """Refuses what somebody else could have put in the place of a directory on the way to private state."""
    user = current_user()
    if user is None:
        return
    for directory in (*reversed(path.parents), path):
        stats = os.lstat(directory)
        if stats.st_uid not in (user, 0) and not is_sudo_user(stats, env):
            raise _Refused(f"cannot be trusted: {directory} belongs to user {stats.st_uid}")
        if stats.st_mode & stat.S_ISVTX:
            continue
        # A group of one's own, as most systems give each user, is nobody else.
        is_own_group = stats.st_gid in (0, os.getgid())
        is_open = stats.st_mode & stat.S_IWOTH or (stats.st_mode & stat.S_IWGRP and not is_own_group)
        if is_open and keeps_modes(directory, stats):
            raise _Refused(f"cannot be trusted: others can write to {directory}")


def _read_bus_file(root: Path) -> str | None:
    bus = root / ".muse" / "bus"
    try:
        for directory in (root / ".muse", bus):
            stats = os.lstat(directory)
            if not stat.S_ISDIR(stats.st_mode):
                raise _Refused(f"is behind {directory}, which is no directory")
        if not is_own(stats):
            raise _Refused(f"is in a directory that belongs to user {stats.st_uid}")
        if is_writable_by_others(stats) and keeps_modes(bus, stats):
            raise _Refused("is in a directory that others can write to")
        return _read_private(bus / "endpoint.json")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _Refused(f"cannot be read: {error}") from error


def _read_private(path: Path) -> str | None:
    """Reads a file that only this user can have written. `None` where there is none."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise _Refused("is a symbolic link") from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _Refused("may not be read by this user") from error
        if error.errno == errno.ENXIO:
            raise _Refused("is no regular file") from error
        raise
    with open(file, "rb") as opened:
        _check_private(path, os.fstat(file))
        content = opened.read(_MAX_ENDPOINT_BYTES + 1)
    if len(content) > _MAX_ENDPOINT_BYTES:
        raise _Refused(f"is longer than {_MAX_ENDPOINT_BYTES} bytes")
    return content.decode("utf-8", "replace")


def _check_private(path: Path, stats: os.stat_result) -> None:
    if not stat.S_ISREG(stats.st_mode):
        raise _Refused("is no regular file")
    # Windows keeps permissions elsewhere: the directory in the user's profile is what protects there.
    if current_user() is None:
        return
    if not is_own(stats):
        raise _Refused(f"belongs to user {stats.st_uid}")
    if stats.st_mode & 0o077 and keeps_modes(path, stats):
        raise _Refused(f"has mode {stats.st_mode & 0o777:o}: others may use it")
    if stats.st_nlink > 1:
        raise _Refused("has a second name (a hard link)")


# ── the process ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _state_of_process(endpoint: Endpoint) -> Literal["lives", "gone", "another", "unproven"]:
    """Whether the process lives, is this user's and the one that was meant: a pid alone is given away again."""
    boot = own_boot_id()
    if boot is not None and endpoint.boot_id is not None and endpoint.boot_id != boot:
        return "gone"
    if not _is_alive(endpoint.pid):
        return "gone"
    started = _start_of(endpoint.pid)
    if started is None or boot is None:
        return "unproven"
    if endpoint.boot_id is None or endpoint.process_started != started:
        return "another"
    is_ours = endpoint.uid == current_user() and endpoint.uid == _user_of(endpoint.pid)
    return "lives" if is_ours else "another"


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        # `os.kill` ends a process there, whatever the signal: what cannot be asked is proven by this user's state.
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _start_of(pid: int) -> str | None:
    """The 22nd field of `/proc/PID/stat`; the second may hold spaces and parentheses."""
    text = _proc_file(pid, "stat")
    fields = [] if text is None else text.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else None


def _user_of(pid: int) -> int | None:
    """The effective user is not asked for: the first number is the real one."""
    match = re.search(r"^Uid:\s+([0-9]+)", _proc_file(pid, "status") or "", re.MULTILINE)
    return None if match is None else int(match[1])


def _proc_file(pid: int, name: str) -> str | None:
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace")
    except OSError:
        return None
