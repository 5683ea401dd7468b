import t, { type Test } from 'tap';
import { MessageType, SUBPROTOCOLS } from '../../../protocol/index.js';
import type { Endpoint, ServerOptions } from '../../../server/index.js';
import { rawRequest } from '../../support/http-request.js';
import { RawClient, type RawClientOptions } from '../../support/raw-client.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

interface Served {
  readonly repository: ServedRepository;
  readonly endpoint: Endpoint;
  readonly port: number;
  connect(options?: RawClientOptions): Promise<RawClient>;
}

const TRANSPORTS = ['uws', 'ws'] as const;
type TransportName = (typeof TRANSPORTS)[number];

const uwsLoads = await import('uWebSockets.js').then(
  () => true,
  () => false,
);

async function served(t: Test, transport: TransportName, options: Partial<ServerOptions> = {}): Promise<Served> {
  const repository = new ServedRepository({ ...options, transport });
  const endpoint = await repository.start();
  t.teardown(() => repository.stop());
  t.equal(repository.server.transportName, transport);
  const connect = (client?: RawClientOptions): Promise<RawClient> => RawClient.connect(endpoint, client);
  return { repository, endpoint, port: Number(new URL(endpoint.url).port), connect };
}

/** Returns a valid handshake, in which a test can change lines. */
const handshake = ({ endpoint, port }: Served, changes: Readonly<Record<string, string | null>> = {}): string[] => {
  const headers: Readonly<Record<string, string | null>> = {
    Host: `127.0.0.1:${String(port)}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'muse-bus.v1.msgpack',
    Authorization: `Bearer ${endpoint.token}`,
    ...changes,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== null);
  return ['GET / HTTP/1.1', ...lines.map(([name, value]) => `${name}: ${String(value)}`)];
};

const bearer = (token: string): string => `muse-bus.bearer.${Buffer.from(token).toString('base64url')}`;

for (const transport of TRANSPORTS) {
  const skip = transport === 'uws' && !uwsLoads ? 'uWebSockets.js does not load here' : false;

  t.test(
    `${transport}: the token is read from the header or a subprotocol, and the right subprotocol is echoed`,
    { skip },
    async (t) => {
      const { connect, endpoint } = await served(t, transport);
      const { msgpack, json } = SUBPROTOCOLS;
      const cases = [
        [{ encoding: 'msgpack' }, msgpack],
        [{ encoding: 'json' }, json],
        [{ subprotocols: [json, msgpack] }, msgpack],
        [{ subprotocols: [] }, ''],
        [{ headers: {}, subprotocols: [msgpack, bearer(endpoint.token)] }, msgpack],
        [{ headers: {}, encoding: 'json', subprotocols: [bearer(endpoint.token), json] }, json],
      ] as const;
      for (const [options, echoed] of cases) {
        const client = await connect(options);
        t.equal(client.socket.protocol, echoed, JSON.stringify(options));
        t.match(await client.received(MessageType.welcome), [MessageType.welcome, { protocol: 1 }]);
        await client.close();
      }
    },
  );

  t.test(
    `${transport}: a request for another host or from another origin is refused before any other check`,
    { skip },
    async (t) => {
      const bus = await served(t, transport);
      const { endpoint, port } = bus;
      const wrong = 'A'.repeat(endpoint.token.length);
      const own = `127.0.0.1:${String(port)}`;
      const cases: [Record<string, string | null>, number][] = [
        [{}, 101],
        [{ Host: `localhost:${String(port)}` }, 101],
        [{ Origin: `http://${own}` }, 101],
        [{ Host: 'evil.example' }, 403],
        [{ Host: `evil.example:${String(port)}` }, 403],
        [{ Host: '127.0.0.1:1' }, 403],
        [{ Host: `0.0.0.0:${String(port)}` }, 403],
        [{ Origin: 'http://evil.example' }, 403],
        [{ Origin: 'null' }, 403],
        [{ Origin: `http://localhost.evil.example:${String(port)}` }, 403],
        [{ Origin: 'http://evil.example', Authorization: null }, 403],
        [{ Authorization: null }, 401],
        [{ Authorization: `Bearer ${wrong}` }, 401],
        [{ Authorization: `Bearer ${endpoint.token}x` }, 401],
        [{ Authorization: `Basic ${endpoint.token}` }, 401],
        [{ 'Sec-WebSocket-Protocol': `muse-bus.v1.msgpack, ${bearer(wrong)}`, Authorization: null }, 401],
        [{ 'Sec-WebSocket-Protocol': `muse-bus.v1.msgpack, ${bearer(endpoint.token)}` }, 401],
        [{ 'Sec-WebSocket-Protocol': 'graphql-ws' }, 400],
        [{ 'Sec-WebSocket-Protocol': bearer(endpoint.token), Authorization: null }, 400],
        [{ 'Sec-WebSocket-Version': '8' }, 426],
      ];
      for (const [changes, status] of cases) {
        const answer = await rawRequest(port, handshake(bus, changes));
        t.equal(answer.status, status, JSON.stringify(changes).replaceAll(endpoint.token, '<token>'));
        if (status !== 101) t.match(answer.body, /\S/, 'with a word on why');
      }
      const doubled = [...handshake(bus), `Host: ${own}`];
      t.match((await rawRequest(port, doubled)).status, /^40[03]$/, 'two Hosts');
      const origins = [...handshake(bus, { Origin: `http://${own}` }), `Origin: http://${own}`];
      t.equal((await rawRequest(port, origins)).status, 403, 'two Origins');
      await until('the refused are gone', () => bus.repository.server.bus.connectionCount === 0);
    },
  );

  t.test(
    `${transport}: a request that is no handshake is answered as HTTP, a faulty handshake with what to send`,
    { skip },
    async (t) => {
      const bus = await served(t, transport);
      const host = `Host: 127.0.0.1:${String(bus.port)}`;
      t.equal((await rawRequest(bus.port, ['GET /healthz HTTP/1.1', host])).status, 200);
      t.equal((await rawRequest(bus.port, ['GET /healthz HTTP/1.1', 'Host: evil.example'])).status, 403);
      t.equal((await rawRequest(bus.port, ['GET /nothing HTTP/1.1', host])).status, 401);
      t.match((await rawRequest(bus.port, handshake(bus, { Upgrade: null, Connection: null }))).status, /^(404|426)$/);
    },
  );

  t.test(`${transport}: messages go both ways, and binary and text are distinguished`, { skip }, async (t) => {
    const { connect, repository } = await served(t, transport);
    const client = await connect();
    client.send([MessageType.subscribe, 7]);
    t.match(await client.received(MessageType.synced), [MessageType.synced, 7, 0, 0]);
    repository.rename('task', 't1', { text: 'ä\u{1f600}', big: 'x'.repeat(200_000) });
    const [, , , events] = await client.received(MessageType.events);
    t.match(events, [[1, 1, 4, 't1', Number, { text: 'ä\u{1f600}' }]]);
    client.socket.send('[4,1]');
    t.match(await client.received(MessageType.error), [MessageType.error, null, 'binary-only']);
    await client.close();
    await until('the server has noticed', () => repository.server.bus.connectionCount === 0);
  });

  t.test(`${transport}: a message that is too large ends only its connection`, { skip }, async (t) => {
    const { connect } = await served(t, transport);
    const [large, other] = [await connect(), await connect()];
    large.socket.send(Buffer.alloc(65_537));
    t.match((await large.untilClosed()).code, /^(1006|1009)$/);
    other.send([MessageType.ping, 1]);
    t.match(await other.received(MessageType.pong), [MessageType.pong, 1]);
    await other.close();
  });

  t.test(
    `${transport}: a client that reads nothing for a while receives everything in the end`,
    { skip },
    async (t) => {
      const { connect, repository } = await served(t, transport, { limits: { maxQueuedBytes: 1_024 } });
      const client = await connect();
      client.send([MessageType.subscribe, 1]);
      await client.received(MessageType.synced);
      client.socket.pause();
      const text = 'x'.repeat(100_000);
      for (let n = 0; n < 200; n++) {
        repository.rename('task', String(n % 5), { n, text });
        await repository.server.bus.watch.readNow({ kind: 'task', id: String(n % 5) });
      }
      const { revision } = repository.server.bus.hub;
      client.socket.resume();
      let index = 0;
      const lastSeen = (): number => {
        const frames = client.messages.filter(([type]) => type === MessageType.events || type === MessageType.resync);
        return (frames.at(-1)?.[3] as [number][] | undefined)?.at(-1)?.[0] ?? 0;
      };
      await until('the last event has come', () => lastSeen() === revision);
      for (const [, , first, events] of client.messages.filter(([type]) => type === MessageType.events)) {
        t.equal(first, index);
        index += (events as unknown[]).length;
      }
      t.equal(index, revision);
      await client.close();
    },
  );

  t.test(`${transport}: stop closes every client with 1001 and the time to reconnect`, { skip }, async (t) => {
    const { connect, repository, endpoint } = await served(t, transport);
    const clients = [await connect(), await connect({ encoding: 'json' })];
    for (const client of clients) {
      client.send([MessageType.subscribe, 7]);
      await client.received(MessageType.synced);
    }
    await repository.server.stop();
    for (const client of clients) {
      t.same(await client.untilClosed(), { code: 1001, reason: 'shutdown retry=500' });
      t.strictSame(client.messages.at(-1), [MessageType.complete, 7, 'shutdown', 0]);
    }
    await t.rejects(RawClient.connect(endpoint), 'and nobody is let in');
  });

  t.test(
    `${transport}: stop also sends the close to a client that reads slowly, after its queued frames`,
    { skip },
    async (t) => {
      const { connect, repository } = await served(t, transport, { limits: { maxQueuedBytes: 1_024 } });
      const client = await connect();
      client.send([MessageType.subscribe, 7]);
      await client.received(MessageType.synced);
      client.socket.pause();
      const [session] = repository.server.bus.sessions;
      const text = 'x'.repeat(200_000);
      for (let n = 0; session!.port.state !== 'congested'; n++) {
        repository.rename('task', 't', { n, text });
        await repository.server.bus.watch.readNow({ kind: 'task', id: 't' });
      }
      const stopped = repository.server.stop();
      client.socket.resume();
      await stopped;
      t.same(await client.untilClosed(), { code: 1001, reason: 'shutdown retry=500' });
      t.match(client.messages.at(-1), [MessageType.complete, 7, 'shutdown', Number]);
    },
  );

  t.test(`${transport}: a taken port is reported as such`, { skip }, async (t) => {
    const { port } = await served(t, transport);
    const second = new ServedRepository({ transport });
    t.teardown(() => {
      second.dispose();
    });
    await t.rejects(second.startOn(port), { code: 'EADDRINUSE' });
  });

  t.test(`${transport}: a connection beyond the limit is answered with retry-after`, { skip }, async (t) => {
    const bus = await served(t, transport, { limits: { maxConnections: 1 } });
    const client = await bus.connect();
    t.equal((await rawRequest(bus.port, handshake(bus))).status, 503);
    await client.close();
  });
}
