"""Which boot of the machine this is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def boot_id() -> str | None:
    try:
        if sys.platform == "darwin":
            asked = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip()
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
