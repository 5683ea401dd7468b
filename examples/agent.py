"""
The loop of agent.ts in Python: wait until nobody holds a symbol, reserve it, look again, edit, release.

    python3 examples/agent.py REPOSITORY RUN ADDRESS FILE

It needs the package muse_bus: `pip install ./client/python` in a checkout.
"""

import asyncio
import json
import os
import random
import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import muse_bus

LEASE = timedelta(minutes=10)
WAIT_S = 60


class Agent:
    def __init__(self, root: Path, run: str, address: str) -> None:
        self.root = root
        self.run = run
        self.address = address

    def _write(self, directory: str, id: str, record: dict[str, object]) -> None:
        """Writes a record as Muse does: under another name first, so that nobody reads half of it."""
        place = self.root / ".muse" / "coordination" / directory
        place.mkdir(parents=True, exist_ok=True)
        temporary = place / f".{id}.tmp"
        temporary.write_text(json.dumps(record))
        os.replace(temporary, place / f"{id}.json")

    def reserve(self) -> str:
        id = str(uuid.uuid4())
        now = datetime.now(timezone.utc)
        self._write(
            "reservations",
            id,
            {
                "reservation_id": id,
                "run_id": self.run,
                "branch": "main",
                "addresses": [self.address],
                "created_at": now.isoformat(),
                "expires_at": (now + LEASE).isoformat(),
            },
        )
        return id

    def release(self, id: str) -> None:
        released_at = datetime.now(timezone.utc).isoformat()
        self._write("releases", id, {"reservation_id": id, "run_id": self.run, "released_at": released_at})

    def edit(self, file: str) -> None:
        path = self.root / file
        text = path.read_text()
        path.write_text(f"{text}{self.run}\n")


async def main(root: str, run: str, address: str, file: str) -> None:
    agent = Agent(Path(root), run, address)
    async with muse_bus.connect(root=root, name=run) as bus:
        mirror = await bus.mirror(kinds=["reservation"])
        attempt = 0
        while True:
            attempt += 1
            await asyncio.wait_for(mirror.when_free(address, branch="main"), WAIT_S)
            id = agent.reserve()
            try:
                # From what is on disk now: a view of a moment ago cannot show who reserved meanwhile.
                holders = await bus.holders(address, branch="main")
                if all(holder.run_id == run for holder in holders):
                    agent.edit(file)
                    print(f"{run} edited in attempt {attempt}")
                    return
            finally:
                agent.release(id)
            await asyncio.sleep(random.random() * 0.2 * attempt)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
