import { connect, type Socket } from 'node:net';
import t from 'tap';
import { MessageType, packMessage } from '../../../../protocol/index.js';
import { DEFAULT_LIMITS, resolveOptions } from '../../../../server/index.js';
import { serve, TRANSPORTS, type Running } from '../../../support/running-server.js';
import { ask, handshake, request, without } from '../../../support/http-wire.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    t.test('every limit is in welcome, by the name that refusals use', async (t) => {
      const server = await serve(t, { transport, idleTimeoutMs: 90_000 });
      const client = await RawClient.welcomed(server.endpoint);
      const [, welcome] = await client.received(MessageType.welcome);
      const { limits } = welcome as { limits: Record<string, number> };
      for (const [name, value] of Object.entries(DEFAULT_LIMITS)) t.equal(limits[snake(name)], value, snake(name));
      t.equal(limits['idle_timeout_ms'], 90_000);
      client.terminate();
    });

    t.test('one connection more than max_connections: 503 with name and number', async (t) => {
      const server = await serve(t, { transport, limits: { maxConnections: 2 } });
      const clients = [await RawClient.welcomed(server.endpoint), await RawClient.welcomed(server.endpoint)];
      const answer = await ask(server.port, handshake(server));
      t.equal(answer.status, 503);
      t.match(answer.body, /at most 2 \(max_connections\)/);
      t.equal(answer.headers['x-content-type-options'], 'nosniff');
      t.equal(
        (
          await ask(
            server.port,
            handshake(server, (headers) => without(headers, 'authorization')),
          )
        ).status,
        401,
        'a client without the token does not learn the limit',
      );
      clients[0]?.terminate();
      await untilFound('room again', async () => (await ask(server.port, handshake(server))).status === 101);
      clients[1]?.terminate();
    });

    t.test('refusals beyond max_refusals_per_second: 429 with name and number; the token still opens', async (t) => {
      const server = await serve(t, { transport, limits: { maxRefusalsPerSecond: 5 } });
      const wrong = request('GET /records', [`Host: 127.0.0.1:${String(server.port)}`]);
      const answer = await untilFound('429', async () => {
        const answers = await Promise.all(Array.from({ length: 10 }, () => ask(server.port, wrong)));
        t.ok(answers.every(({ status }) => status === 401 || status === 429));
        return answers.find(({ status }) => status === 429);
      });
      t.match(answer.body, /at most 5 \(max_refusals_per_second\)/);
      t.equal(answer.headers['retry-after'], '1');
      t.equal((await ask(server.port, handshake(server))).status, 101);
    });

    t.test(
      'connections beyond max_pending_connections are closed, sessions are not, and the token opens',
      async (t) => {
        const server = await serve(t, { transport, limits: { maxPendingConnections: 20 } });
        const client = await RawClient.welcomed(server.endpoint);
        const crowd = await Promise.all(Array.from({ length: 60 }, () => silent(t, server)));
        await untilFound('the rest are closed', () => crowd.filter(({ destroyed }) => destroyed).length >= 40);
        t.ok(await client.isAlive());
        t.ok(server.log.has('too many that are not authenticated', '"max_pending_connections":20'));
        await untilFound('the token opens', async () => (await ask(server.port, handshake(server))).status === 101);
        client.terminate();
      },
    );

    t.test('subscription number 1,001: limit, with name and number', async (t) => {
      const server = await serve(t, { transport });
      const client = await RawClient.welcomed(server.endpoint);
      for (let sub = 1; sub <= 1_000; sub++)
        client.send([MessageType.subscribe, sub, { snapshot: 'none', filter: { ids: ['x'] } }]);
      const [, sub, code, message] = await client.refusal(packMessage([1, 1_001, {}]));
      t.same([sub, code], [1_001, 'limit']);
      t.match(message, /at most 1000 subscriptions \(max_subscriptions\)/);
      t.ok(await client.isAlive());
      client.terminate();
    });

    t.test('more than max_messages_per_second: 4429 with name and number', async (t) => {
      const server = await serve(t, { transport, limits: { maxMessagesPerSecond: 50 } });
      const client = await RawClient.welcomed(server.endpoint);
      await untilFound('closed', () => {
        for (let i = 0; i < 200; i++) client.send([MessageType.ping, i]);
        return client.closed;
      });
      t.match(client.closed, { code: 4429, reason: /50 messages a second \(max_messages_per_second\)/ });
    });

    for (const [what, send] of [
      ['pings', (client: RawClient) => client.socket.ping()],
      ['pongs without a ping', (client: RawClient) => client.socket.pong()],
    ] as const) {
      t.test(`more than max_control_frames_per_second ${what}: 4429 with name and number`, async (t) => {
        const server = await serve(t, { transport, limits: { maxControlFramesPerSecond: 50 } });
        const [client, other] = [await RawClient.welcomed(server.endpoint), await RawClient.welcomed(server.endpoint)];
        await untilFound('closed', () => {
          for (let i = 0; i < 200; i++) send(client);
          return client.closed;
        });
        const { code, reason } = client.closed!;
        t.equal(code, 4429);
        t.match(reason, /50 pings and pongs a second \(max_control_frames_per_second\)/);
        t.ok(await other.isAlive(), 'and nobody else');
        other.terminate();
      });
    }

    t.test('as many pings as are allowed are answered', async (t) => {
      const server = await serve(t, { transport, limits: { maxControlFramesPerSecond: 50 } });
      const client = await RawClient.welcomed(server.endpoint);
      let pongs = 0;
      client.socket.on('pong', () => pongs++);
      for (let i = 0; i < 50; i++) client.socket.ping();
      await untilFound('all are answered', () => pongs === 50);
      t.ok(await client.isAlive());
      client.terminate();
    });

    t.test('more than max_unheard_bytes that wait to be processed: 4429 with name and number', async (t) => {
      const server = await serve(t, { transport, limits: { maxUnheardBytes: 10_000 } });
      const client = await RawClient.welcomed(server.endpoint);
      const globs = Array.from({ length: 100 }, (_, i) => `**/${String(i)}/*`);
      for (let sub = 0; sub < 2_000; sub++) client.send([MessageType.subscribe, sub, { filter: { addresses: globs } }]);
      await untilFound('closed', () => client.closed);
      t.match(client.closed, {
        code: 4429,
        reason: /10000 bytes of messages wait to be processed \(max_unheard_bytes\)/,
      });
    });

    t.test('1,000 bad messages: 4429 with the limit’s name', async (t) => {
      const server = await serve(t, { transport });
      const client = await RawClient.welcomed(server.endpoint);
      for (let i = 0; i < 1_100; i++) client.raw(new Uint8Array([0xc1]));
      await untilFound('closed', () => client.closed);
      t.match(client.closed, { code: 4429, reason: /max_bad_messages/ });
      t.equal(
        client.messages.filter(([type]) => type === MessageType.error).length,
        999,
        'no answer follows the close',
      );
    });

    t.test('a payload over 64 KiB: 1009 with name and number', async (t) => {
      const server = await serve(t, { transport });
      const client = await RawClient.welcomed(server.endpoint);
      client.raw(new Uint8Array(65_537));
      await untilFound('closed', () => client.closed);
      t.match(client.closed, { code: 1009, reason: /65536 bytes \(max_payload_bytes\)/ });
    });

    t.test('a payload of 1 MB of 0x90: the engine closes before it has received all of it', async (t) => {
      const server = await serve(t, { transport });
      const controlClient = await RawClient.welcomed(server.endpoint);
      const client = await RawClient.welcomed(server.endpoint);
      client.raw(new Uint8Array(1_048_576).fill(0x90));
      await untilFound('closed', () => client.closed);
      t.ok([1006, 1009].includes(client.closed?.code ?? 0), String(client.closed?.code));
      t.ok(await controlClient.isAlive());
      controlClient.terminate();
    });

    t.test('a message in a hundred fragments is one message', async (t) => {
      const server = await serve(t, { transport });
      const client = await RawClient.welcomed(server.endpoint);
      const message = packMessage([1, 1, { filter: { run_ids: ['r'.repeat(100)] } }]);
      for (let i = 0; i < message.length; i++) {
        client.socket.send(message.subarray(i, i + 1), { binary: true, fin: i === message.length - 1 });
      }
      await client.received(MessageType.synced);
      client.terminate();
    });

    t.test('a cursor older than history: resync, reason compacted', async (t) => {
      const server = await serve(t, { transport, limits: { maxHistoryEvents: 3 } });
      for (let i = 0; i < 20; i++) server.repository.record('task', `t${String(i)}`);
      const { hub } = server.server.bus;
      await untilFound('all are read', () => hub.revision >= 20);
      const client = await RawClient.welcomed(server.endpoint);
      client.send([MessageType.subscribe, 1, { since: `${hub.epoch}:1` }]);
      const [, , , mode, , why] = await client.received(MessageType.subscribed);
      t.same([mode, why], ['resync', 'compacted']);
      client.terminate();
    });
  });
}

async function silent(t: { teardown(call: () => void): void }, { port }: Running): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  // Read, because otherwise the end of the socket is never reported.
  socket.resume();
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

t.test('options', async (t) => {
  const root = '/nowhere';
  const refused: readonly (readonly [what: string, options: object, says: RegExp])[] = [
    [
      'a limit that is none',
      { limits: { maxSubscription: 1 } },
      /no limit maxSubscription; did you mean maxSubscriptions/,
    ],
    ['a limit of 0', { limits: { maxPayloadBytes: 0 } }, /limits\.maxPayloadBytes must be an integer from 1/],
    ['a limit that is no number', { limits: { maxIdBytes: Number.NaN } }, /limits\.maxIdBytes/],
    ['a payload no engine bears', { limits: { maxPayloadBytes: 2 ** 32 } }, /from 1 to 67108864/],
    ['an idle time no engine bears', { idleTimeoutMs: 5 }, /from 8000 to 960000/],
    ['a port that is none', { port: 65_536 }, /port must be/],
    [
      'a host beyond this machine',
      { host: '0.0.0.0' },
      /other machines: give tlsCertFile and tlsKeyFile .* or insecure/,
    ],
    ['a certificate without a key', { tlsCertFile: 'x' }, /together/],
    ['an origin with a path', { allowOrigins: ['http://a.example/'] }, /did you mean http:\/\/a\.example\?/],
    ['an origin in capitals', { allowOrigins: ['HTTP://A.example'] }, /did you mean http:\/\/a\.example\?/],
    [
      'an origin with its scheme’s port',
      { allowOrigins: ['https://a.example:443'] },
      /did you mean https:\/\/a\.example\?/,
    ],
    ['an origin without a scheme', { allowOrigins: ['a.example'] }, /must be an origin/],
    ['null as an origin', { allowOrigins: ['null'] }, /must be an origin/],
    ['any origin', { allowOrigins: ['*'] }, /must be an origin/],
    ['a wildcard in an origin', { allowOrigins: ['https://*.example'] }, /wildcards|must be/],
    ['a host with a scheme', { allowHosts: ['http://a.example'] }, /must be a name or address/],
    ['a host with a path', { allowHosts: ['a.example/x'] }, /must be a name or address/],
    ['any host', { allowHosts: ['*'] }, /must be a name/],
    ['0.0.0.0 as a host', { allowHosts: ['0.0.0.0'] }, /every interface/],
    ['a host with an impossible port', { allowHosts: ['a.example:70000'] }, /must be a name/],
  ];
  for (const [what, options, says] of refused) {
    t.test(`${what} is refused`, async (t) => {
      t.throws(() => resolveOptions({ root, ...options }), { name: 'OptionError', message: says });
    });
  }
  t.test('valid options are accepted', async (t) => {
    const options = resolveOptions({
      root,
      host: '0.0.0.0',
      insecure: true,
      allowHosts: ['bus.example.com', 'x.example:8443', '[fd00::1]'],
      allowOrigins: ['https://a.example', 'http://127.0.0.1:5173', 'vscode-webview://abc'],
    });
    t.equal(options.host, '0.0.0.0');
  });
});
