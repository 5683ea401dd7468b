"""Whether a mode says who can use a file: the rule of server/repository/file-modes.ts in TypeScript."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

#: The file systems on which a mode may say nothing: their own have none, or the other end decides.
_MAY_LACK_MODES: Final = re.compile(r"vfat|msdos|exfat|ntfs3?|cifs|smb3|smbfs|9p|fuse(blk|\..+)?")
_FOR_OTHERS: Final = 0o077


def keeps_modes(path: Path, stats: os.stat_result) -> bool:
    """
    Whether a path's file system can be expected to keep modes. On a type that may keep them or not, a directory that is closed to
    others shows that it does: the server closes its own.
    """
    name = file_system_of(stats.st_dev)
    if name is None or _MAY_LACK_MODES.fullmatch(name) is None:
        return True
    try:
        return os.lstat(path.parent).st_mode & _FOR_OTHERS == 0
    except OSError:
        return True


def file_system_of(device: int) -> str | None:
    """The type of the file system on a device; `None` where the platform does not say it."""
    if not sys.platform.startswith("linux"):
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()]
        return next((mount[mount.index("-") + 1] for mount in mounts if mount[2] == number), None)
    except (OSError, ValueError, IndexError):
        return None
