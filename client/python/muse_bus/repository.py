"""Which repository is meant, and whether what is in it may be trusted: the rules of server/repository in TypeScript."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .bus_error import BusError
from .wire import parse_json

_MAX_CONFIG_BYTES: Final = 65_536
_EVERY: Final = "*"
_ROOT_USER: Final = 0


def current_user() -> int | None:
    """The user in whose name this process acts; `None` on Windows, which keeps ownership elsewhere."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def is_own(stats: os.stat_result) -> bool:
    user = current_user()
    return user is None or stats.st_uid == user


def is_sudo_user(stats: os.stat_result, env: Mapping[str, str]) -> bool:
    """Whether it belongs to whoever ran `sudo`, where this process has become root that way."""
    return current_user() == _ROOT_USER and env.get("SUDO_UID") == str(stats.st_uid)


def is_writable_by_others(stats: os.stat_result) -> bool:
    return current_user() is not None and stats.st_mode & 0o022 != 0


def repository_around(start: str | os.PathLike[str], is_named: bool, env: Mapping[str, str] | None = None) -> Path:
    """
    The nearest directory at or above a place that holds `.muse`; for a worktree, whose `.muse` is a link, the one that it leads
    to. One of another user is refused: in a directory that many can write to, anybody could have put it there.

    `is_named`: whether somebody has named the place, which is consent to a `.muse` in it, and to none above.
    Raises BusError `no-endpoint` where there is none, `untrusted-endpoint` where it is another user's.
    """
    environment = os.environ if env is None else env
    root = _nearest(Path(os.path.abspath(start)), is_named, environment)
    muse = root / ".muse"
    try:
        if not muse.is_symlink():
            return root
        real = Path(os.path.realpath(muse, strict=True))
        leads_to_muse = real.name == ".muse" and real.is_dir()
    except OSError:
        # Whoever opens it says what is wrong with it.
        return root
    return _nearest(real.parent, False, environment) if leads_to_muse else root


def _nearest(start: Path, is_named: bool, env: Mapping[str, str]) -> Path:
    for root in (start, *start.parents):
        try:
            stats = os.lstat(root / ".muse")
        except OSError:
            # A directory that may not be searched holds nothing for this user.
            continue
        if not (is_named and root == start):
            _judge(root, stats, env)
        return root
    raise BusError(
        "no-endpoint",
        f"no .muse/ in {start} or any directory above it",
        "run inside a repository, or name one with root",
    )


def _judge(root: Path, muse: os.stat_result, env: Mapping[str, str]) -> None:
    parent = os.stat(root)
    foreign = next((stats for stats in (muse, parent) if not is_own(stats) and not is_sudo_user(stats, env)), None)
    if foreign is None or _is_safe(root, _safe_directories(env)):
        return
    what = root / ".muse" if foreign is muse else root
    raise BusError(
        "untrusted-endpoint",
        f"{what} belongs to user {foreign.st_uid}, not to user {current_user()}",
        f"where you trust that user: name it with root, add it to safe_directories in your own config.json, "
        f"or set MUSE_BUS_SAFE_DIRECTORY={root}",
    )


def _is_safe(root: Path, paths: list[str]) -> bool:
    def is_same(path: str) -> bool:
        try:
            return os.path.realpath(path, strict=True) == os.path.realpath(root, strict=True)
        except OSError:
            return False

    return any(path == _EVERY or is_same(path) for path in paths)


def _safe_directories(env: Mapping[str, str]) -> list[str]:
    """Which repositories of other users this user has said may be looked at; never said by a repository."""
    named = [path for path in env.get("MUSE_BUS_SAFE_DIRECTORY", "").split(os.pathsep) if path]
    return [*named, *_safe_in_file(_user_config_file(env))]


def _safe_in_file(path: Path) -> list[str]:
    """What is meant to be allowed, or not to be, must not be passed over: a file that cannot be read as settings is an error."""

    def fault(why: str) -> BusError:
        advice = "correct or remove it: only you may be able to write it, and it must be JSON"
        return BusError("untrusted-endpoint", f"{path} is not used: {why}", advice)

    try:
        with open(path, "rb") as file:
            stats = os.fstat(file.fileno())
            if not stat.S_ISREG(stats.st_mode) or stats.st_size > _MAX_CONFIG_BYTES:
                raise fault("it is no file of settings")
            if not is_own(stats) and stats.st_uid != _ROOT_USER:
                raise fault(f"it belongs to user {stats.st_uid}")
            if is_writable_by_others(stats):
                raise fault("others may write it")
            content = file.read(_MAX_CONFIG_BYTES)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # A service that runs with somebody else's HOME goes on without that person's settings.
        return []
    except OSError as error:
        raise fault(f"it cannot be opened ({error.strerror})") from error
    try:
        settings = parse_json(content)
    except ValueError as error:
        raise fault(f"it is no JSON: {error}") from error
    found = settings.get("safe_directories", []) if isinstance(settings, dict) else []
    if not isinstance(found, list):
        raise fault('safe_directories must be a list of absolute paths, or ["*"]')
    for one in found:
        if not isinstance(one, str) or "\0" in one or not (one == _EVERY or os.path.isabs(one)):
            raise fault('safe_directories must hold absolute paths, or "*" for all')
    return found


def _absolute(env: Mapping[str, str], name: str) -> Path | None:
    """XDG has relative paths ignored."""
    value = env.get(name, "")
    return Path(value) if os.path.isabs(value) else None


def _user_config_file(env: Mapping[str, str]) -> Path:
    windows = _absolute(env, "APPDATA") if sys.platform == "win32" else None
    return (_absolute(env, "XDG_CONFIG_HOME") or windows or Path.home() / ".config") / "muse-bus" / "config.json"


def state_home(env: Mapping[str, str]) -> Path:
    """Where programs of this user keep what they remember."""
    if named := env.get("MUSE_BUS_STATE_DIR", ""):
        return Path(os.path.abspath(named))
    if chosen := _absolute(env, "XDG_STATE_HOME"):
        return chosen
    if sys.platform == "win32":
        return _absolute(env, "LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path.home() / ".local" / "state"
