"""A judge of the wire, written from protocol/PROTOCOL.md and nothing else; a client for use is in client/python.

Checks what the document specifies (order, indices without gaps, counts) and raises Violation where a server breaks it.
As a program it reads one JSON command per line from stdin, and prints what it receives, one JSON object per line:

    bus_client.py ENDPOINT_JSON [msgpack|json] [header|subprotocol]
    {"do": "subscribe", "sub": 1, "options": {...}}   {"do": "unsubscribe", "sub": 1}
    {"do": "sync", "nonce": 1, "kind": "...", "id": "..."}   {"do": "ping", "nonce": 1}
    {"do": "raw", "message": [...]}   {"do": "close"}
"""

import asyncio
import base64
import hmac
import json
import secrets
import sys
import urllib.request

import msgpack
import websockets

# The name of the argument since version 14 of websockets; Debian's version 10 has the older name.
HEADERS = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
KINDS = ("reservation", "intent", "release", "heartbeat", "task", "claim", "dependency")
EVENT_TYPES = ("snapshot", "added", "modified", "removed", "expired", "revived")
SUBSCRIBE, UNSUBSCRIBE, SYNC, PING = 1, 2, 3, 4
WELCOME, SUBSCRIBED, BATCH, SYNCED, EVENTS, COMPLETE, RESYNC, ERROR, SYNC_DONE, PONG, HEARTBEAT = range(16, 27)


class Violation(Exception):
    """The server broke a rule of the protocol."""


def require(condition, text):
    if not condition:
        raise Violation(text)


def challenge(endpoint):
    """Makes the server prove that it knows the token, before the client sends it."""
    scheme, authority = endpoint["url"].split("://")
    nonce = secrets.token_urlsafe(32)
    with urllib.request.urlopen(f"{scheme.replace('ws', 'http')}://{authority}/challenge?nonce={nonce}") as answer:
        proof = json.load(answer)["proof"]
    text = f"muse-bus challenge\n{nonce}\n{authority.lower()}\n"
    mac = hmac.digest(endpoint["token"].encode(), text.encode(), "sha256")
    expected = base64.urlsafe_b64encode(mac).decode().rstrip("=")
    require(hmac.compare_digest(proof, expected), "who answers does not know the token")


class Subscription:
    def __init__(self, sub, cap):
        self.sub, self.cap = sub, cap
        self.group = None
        self.delivered = 0
        self.begin_anew()

    def begin_anew(self):
        self.next_n = 1
        self.next_index = None  # until synced
        self.last_revision = -1  # of events other than snapshot events
        self.last_place = None  # of snapshot events: kind, id

    def take(self, event):
        """Checks the order of one event and counts it."""
        revision, event_type, kind, record_id = event[0], event[1], event[2], event[3]
        if event_type == EVENT_TYPES.index("snapshot"):
            place = (kind, record_id.encode("utf-16-be"))
            require(self.next_index is None, "a snapshot event after synced")
            require(self.last_place is None or self.last_place < place, f"snapshot out of order at {place}")
            self.last_place = place
        else:
            require(revision > self.last_revision, f"revision {revision} after {self.last_revision}")
            self.last_revision = revision
        self.delivered += 1
        require(self.cap is None or self.delivered <= self.cap, "more events than the cap allows")


class Bus:
    """One connection. `receive()` returns what arrives as maps; the socket is `self.socket`."""

    def __init__(self, socket, encoding):
        self.socket, self.encoding = socket, encoding
        self.welcome = None
        self.subscriptions = {}
        self.by_group = {}

    @classmethod
    async def connect(cls, endpoint, encoding="msgpack", token_in="header"):
        await asyncio.to_thread(challenge, endpoint)
        protocols, headers = [f"muse-bus.v1.{encoding}"], {}
        if token_in == "header":
            headers["Authorization"] = f"Bearer {endpoint['token']}"
        else:
            packed = base64.urlsafe_b64encode(endpoint["token"].encode()).decode().rstrip("=")
            protocols.append(f"muse-bus.bearer.{packed}")
        socket = await websockets.connect(
            endpoint["url"], subprotocols=protocols, compression=None, max_size=None, **{HEADERS: headers}
        )
        require(socket.subprotocol == protocols[0], f"subprotocol {socket.subprotocol}")
        return cls(socket, encoding)

    async def send(self, message):
        await self.socket.send(msgpack.packb(message) if self.encoding == "msgpack" else json.dumps(message))

    async def subscribe(self, sub, options=None):
        if sub not in self.subscriptions:
            self.subscriptions[sub] = Subscription(sub, (options or {}).get("max_events"))
        await self.send([SUBSCRIBE, sub] if options is None else [SUBSCRIBE, sub, options])

    async def receive(self):
        """Translates one message into a list of maps: one for the message, or one for each of its events."""
        frame = await self.socket.recv()
        require(isinstance(frame, bytes) == (self.encoding == "msgpack"), "text and binary mixed up")
        message = msgpack.unpackb(frame, strict_map_key=True) if isinstance(frame, bytes) else json.loads(frame)
        kind = int(message[0])
        require(self.welcome is not None or kind == WELCOME, "the first message is not welcome")
        handler = self.HANDLERS.get(kind)
        return handler(self, *message[1:]) if handler else []

    def on_welcome(self, welcome, *_):
        require(welcome["protocol"] == 1, "not version 1")
        self.welcome = welcome
        return [{"message": "welcome", **welcome}]

    def on_subscribed(self, sub, group, mode, cursor, why=None, *_):
        subscription = self.subscriptions[sub]
        require(group not in self.by_group, "two subscriptions in one group")
        subscription.group = group
        self.by_group[group] = subscription
        return [{"message": "subscribed", "sub": sub, "group": group, "mode": mode, "cursor": cursor, "why": why}]

    def on_batch(self, sub, n, events, *_):
        subscription = self.subscriptions[sub]
        require(int(n) == subscription.next_n, f"batch {n} where {subscription.next_n} was due")
        require(len(events) > 0, "an empty batch")
        subscription.next_n += len(events)
        return [view for view in (self.view(subscription, event) for event in events) if view]

    def on_synced(self, sub, revision, index, *_):
        subscription = self.subscriptions[sub]
        require(subscription.next_index is None, "synced twice")
        require(int(revision) >= subscription.last_revision, "synced before what has been sent")
        subscription.next_index = int(index)
        subscription.last_revision = int(revision)
        return [{"message": "synced", "sub": sub, "revision": int(revision), "index": int(index)}]

    def on_events(self, group, index, events, *_):
        require(group in self.by_group, f"events of group {group}, which nobody is in")
        subscription = self.by_group[group]
        require(subscription.next_index is not None, "events before synced")
        require(int(index) == subscription.next_index, f"index {index} where {subscription.next_index} was due: loss")
        require(len(events) > 0, "a frame without events")
        subscription.next_index += len(events)
        return [view for view in (self.view(subscription, event) for event in events) if view]

    def on_complete(self, sub, reason, delivered, *_):
        subscription = self.subscriptions.pop(sub)
        del self.by_group[subscription.group]
        require(delivered == subscription.delivered, f"delivered {delivered}, received {subscription.delivered}")
        if reason == "max_events":
            require(delivered == subscription.cap, "the cap was not reached")
        return [{"message": "complete", "sub": sub, "reason": reason, "delivered": delivered}]

    def on_resync(self, sub, reason, *_):
        self.subscriptions[sub].begin_anew()
        return [{"message": "resync", "sub": sub, "reason": reason}]

    def on_error(self, sub, code, text, *_):
        if sub in self.subscriptions and self.subscriptions[sub].group is None:
            del self.subscriptions[sub]
        return [{"message": "error", "sub": sub, "code": code, "text": text}]

    def on_sync_done(self, nonce, cursor, *_):
        return [{"message": "sync done", "nonce": nonce, "cursor": cursor}]

    def on_pong(self, nonce, now, *_):
        return [{"message": "pong", "nonce": nonce, "now": int(now)}]

    def on_heartbeat(self, revision, now, health, *_):
        for subscription in self.subscriptions.values():
            require(subscription.group is None or subscription.next_index is not None, "a heartbeat while behind")
            if subscription.group is not None:
                require(int(revision) >= subscription.last_revision, "a heartbeat behind the events")
        return [{"message": "heartbeat", "revision": int(revision), "now": int(now), **health}]

    def view(self, subscription, event):
        """The JSON view of an event, with its subscription."""
        subscription.take(event)
        revision, event_type, kind, record_id, time_ms, data = event[:6]
        if event_type >= len(EVENT_TYPES) or kind >= len(KINDS):
            return None  # the type is of a newer server: the event is counted and ignored
        optional = dict(zip(("reason", "problem", "observed", "lease"), event[6:10]))
        return {
            "message": "event",
            "sub": subscription.sub,
            "schema_version": self.welcome["server"],
            "event_type": EVENT_TYPES[event_type],
            "kind": KINDS[kind],
            "id": record_id,
            "time_ms": int(time_ms),
            "data": data,
            "revision": int(revision),
            **{name: value for name, value in optional.items() if value is not None},
        }

    HANDLERS = {
        WELCOME: on_welcome,
        SUBSCRIBED: on_subscribed,
        BATCH: on_batch,
        SYNCED: on_synced,
        EVENTS: on_events,
        COMPLETE: on_complete,
        RESYNC: on_resync,
        ERROR: on_error,
        SYNC_DONE: on_sync_done,
        PONG: on_pong,
        HEARTBEAT: on_heartbeat,
    }


def say(line):
    print(json.dumps(line), flush=True)


async def obey(bus, command):
    match command["do"]:
        case "subscribe":
            await bus.subscribe(command["sub"], command.get("options"))
        case "unsubscribe":
            await bus.send([UNSUBSCRIBE, command["sub"]])
        case "sync":
            record = [command["kind"], command["id"]] if "kind" in command else []
            await bus.send([SYNC, command["nonce"], *record])
        case "ping":
            await bus.send([PING, command["nonce"]])
        case "raw":
            await bus.send(command["message"])
        case "close":
            await bus.socket.close()


async def commands(bus):
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await obey(bus, json.loads(line))
    await bus.socket.close()


async def main(endpoint_file, encoding="msgpack", token_in="header"):
    with open(endpoint_file, encoding="utf-8") as file:
        endpoint = json.load(file)
    bus = await Bus.connect(endpoint, encoding, token_in)
    reading = asyncio.create_task(commands(bus))
    try:
        while True:
            for line in await bus.receive():
                say(line)
    except websockets.ConnectionClosed as closed:
        end = closed.rcvd  # None where the connection broke
        say({"message": "closed", "code": end.code if end else 1006, "reason": end.reason if end else ""})
    except Violation as violation:
        say({"message": "violation", "text": str(violation)})
    reading.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
