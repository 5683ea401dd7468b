"""A repository that the test in Node serves, which starts these tests: see python-tests.ts."""

import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(os.environ["MUSE_BUS_TEST_ROOT"])
COORDINATION = ROOT / ".muse" / "coordination"
# The endpoint file of an edge that serves the repository too, where the tests are to use that.
EDGE = os.environ.get("MUSE_BUS_TEST_EDGE")
ENDPOINT_FILE = Path(EDGE) if EDGE else ROOT / ".muse" / "bus" / "endpoint.json"
DIRECTORIES = {
    "reservation": "reservations",
    "intent": "intents",
    "release": "releases",
    "heartbeat": "heartbeats",
    "task": "tasks",
    "claim": "claims",
    "dependency": "dependencies",
}


def write(kind, id, data):
    """As writers should: whole, under another name, then renamed."""
    path = path_of(kind, id)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{id}.tmp")
    temporary.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    temporary.rename(path)


def remove(kind, id):
    path_of(kind, id).unlink()


def path_of(kind, id):
    return COORDINATION / DIRECTORIES[kind] / f"{id}.json"


def clear():
    for path in COORDINATION.glob("*/*.json"):
        path.unlink()


def endpoint():
    return json.loads(ENDPOINT_FILE.read_text("utf-8"))


def target():
    """What `connect` is told."""
    return {"endpoint": endpoint()} if EDGE else {"root": ROOT}


def in_future(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


def ask_node(what):
    """Has the test in Node `stop` the server, or `start` one."""
    print(f"@{what}", flush=True)
    if sys.stdin.readline().strip() != "done":
        raise RuntimeError(f"the test in Node could not {what} the server")
