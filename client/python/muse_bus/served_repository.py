"""Whether a bus is of the repository that is meant: the rule of server/repository/served-repository.ts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .boot import boot_id

_MARKER: Final = re.compile(r"[0-9a-f]{32}")
_MARKER_BYTES: Final = 64


def other_repository(endpoint: Mapping[str, Any], root: Path) -> str | None:
    """
    The path of the repository that a server watches, where that is certainly another one than that at `root`. It may be the same
    under another path, in a container or on another machine: there only the markers can tell. An edge names none.
    """
    served = endpoint.get("repository")
    if not isinstance(served, Mapping) or not isinstance(served.get("path"), str):
        return None
    try:
        stats = os.lstat(root / ".muse")
    except OSError:
        return None
    own, marker = _marker_of(root), served.get("marker")
    is_marked = own is not None and isinstance(marker, str)
    if is_marked and own != marker:
        return str(served["path"])
    boot = boot_id()
    if boot is None or endpoint.get("boot_id") != boot:
        return None
    is_same_device = served.get("device") == str(stats.st_dev)
    is_same_inode = served.get("inode") == str(stats.st_ino)
    # A copy has the marker of its original. Over a bind mount inode and device stay, over other mounts the device differs.
    is_other = is_same_device and not is_same_inode if is_marked else not (is_same_device and is_same_inode)
    return str(served["path"]) if is_other else None


def _marker_of(root: Path) -> str | None:
    """It is no secret, so its file need not be private."""
    path = root / ".muse" / "bus" / "id"
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MARKER_BYTES:
            return None
        text = path.read_text("utf-8", "replace").strip()
    except OSError:
        return None
    return text if _MARKER.fullmatch(text) else None
