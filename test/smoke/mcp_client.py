"""
`muse-bus mcp` as the official client of Python sees it (the package mcp). Arguments: the command of the server, then its arguments, the
last of which is a repository whose bus runs. Prints one line; exits with 1 if a step fails.
"""

import asyncio
import json
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

HELD = "muse://holders/src/a.py"


def reserve(root: Path) -> None:
    place = root / ".muse" / "coordination" / "reservations"
    place.mkdir(parents=True, exist_ok=True)
    expires_at = (datetime.now(timezone.utc) + timedelta(minutes=1)).isoformat()
    temporary = place / ".r1.tmp"
    temporary.write_text(json.dumps({"run_id": "agent-42", "addresses": ["src/a.py"], "expires_at": expires_at}))
    temporary.rename(place / "r1.json")


async def main(command: str, *args: str) -> None:
    updated: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def heard(message: object) -> None:
        # Wrapped in the first versions of the package, and not in later ones.
        note = getattr(message, "root", message)
        if type(note).__name__ == "ResourceUpdatedNotification" and not updated.done():
            updated.set_result(str(note.params.uri))

    server = StdioServerParameters(command=command, args=list(args))
    async with stdio_client(server) as (reading, writing):
        async with ClientSession(reading, writing, message_handler=heard) as session:
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            assert "who_holds" in tools, tools
            await session.subscribe_resource(HELD)
            reserve(Path(args[-1]))
            assert await asyncio.wait_for(updated, 20) == HELD
            # The client checks the answer against the schema of the tool.
            answer = await session.call_tool("who_holds", {"address": "src/a.py::f"})
            held = json.loads(answer.content[0].text)
            assert [holder["run_id"] for holder in held["holders"]] == ["agent-42"], held
            read = json.loads((await session.read_resource(HELD)).contents[0].text)
            assert read["free"] == "no" and read["untrusted"], read
            prompt = await session.get_prompt("before_edit", {"address": "src/a.py"})
            assert len(prompt.messages) == 2
            print(f"mcp: the official client {version('mcp')}, {len(tools)} tools, a resource that was followed: passed")
    await newest(server, Path(args[-1]))


async def newest(server: StdioServerParameters, root: Path) -> None:
    """The version 2026-07-28, which the package speaks since 2.0."""
    try:
        from mcp import Client
    except ImportError:
        print("mcp: the version 2026-07-28 is not in this package")
        return
    async with Client(server, mode="2026-07-28") as client:
        async with client.listen(resource_subscriptions=[HELD]) as updates:
            (root / ".muse" / "coordination" / "reservations" / "r1.json").unlink()
            await anext(updates)
        answer = await client.call_tool("who_holds", {"address": "src/a.py::f"})
        assert answer.structured_content["holders"] == [], answer
        print(f"mcp: {client.protocol_version}, a resource that was listened to: passed")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
