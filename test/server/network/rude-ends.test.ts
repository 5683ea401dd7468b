import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { ask, handshake, request, without } from '../../support/http-wire.js';
import { ServerChild } from '../../support/server-child.js';
import { RawClient } from '../../support/raw-client.js';

/** The ways in which a client ends its connection. */
const ENDS: readonly (readonly [name: string, end: (socket: Socket) => void])[] = [
  ['closes', (socket) => socket.destroy()],
  ['resets', (socket) => socket.resetAndDestroy()],
  [
    'half-closes',
    (socket) => {
      socket.end();
      setTimeout(() => socket.destroy(), 20);
    },
  ],
];

/** Every route, with and without the parameters and the token that it needs. */
function requests({ port, token }: ServerChild): readonly (readonly [name: string, bytes: string])[] {
  const host = `Host: 127.0.0.1:${String(port)}`;
  const bearer = `Authorization: Bearer ${token}`;
  const get = (path: string, ...more: string[]): string => request(`GET ${path}`, [host, ...more]);
  return [
    ['/', get('/')],
    ['/inspector.js', get('/inspector.js')],
    ['/healthz', get('/healthz')],
    ['/healthz HEAD', request('HEAD /healthz', [host])],
    ['/readyz', get('/readyz')],
    ['/challenge', get('/challenge?nonce=AAAAAAAAAAAAAAAAAAAAAA')],
    ['/records', get('/records', bearer)],
    ['/records HEAD', request('HEAD /records', [host, bearer])],
    ['/events as Server-Sent Events', get('/events', bearer)],
    ['/events as lines', get('/events', bearer, 'Accept: application/x-ndjson')],
    ['/metrics', get('/metrics', bearer)],
    ['a body', request('POST /records', [host, bearer, 'Content-Length: 5'], 'abcde')],
    ['404', get('/nothing', bearer)],
    ['401', get('/records')],
    ['two at once', get('/inspector.js') + get('/healthz')],
    ['a handshake', handshake({ port, token })],
    ['a refused handshake', handshake({ port, token }, (headers) => without(headers, 'authorization'))],
    ['a handshake and frames', `${handshake({ port, token })}\x89\x80abcd`],
  ];
}

/** Yields the numbers of bytes after which a client ends: every one of a small message, some of a large one. */
function* cuts(length: number, step: number): Iterable<number> {
  for (let at = 0; at < length; at += step) yield at;
  yield length;
}

function leaveAfterSending(port: number, bytes: string, end: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      if (bytes === '') end(socket);
      else
        socket.write(bytes, 'latin1', () => {
          end(socket);
        });
    });
    socket
      .on('error', () => undefined)
      .on('close', () => {
        resolve();
      });
  });
}

function leaveAfterReading(port: number, bytes: string, count: number, end: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(bytes, 'latin1'));
    let received = 0;
    // The answer may be shorter than this.
    const impatience = setTimeout(() => {
      end(socket);
    }, 300);
    socket.on('data', (piece: Buffer) => {
      received += piece.length;
      if (received < count) return;
      socket.pause();
      end(socket);
    });
    socket.on('end', () => socket.destroy());
    socket
      .on('error', () => undefined)
      .on('close', () => {
        clearTimeout(impatience);
        resolve();
      });
  });
}

/** Runs the jobs in portions, because this test is not about many connections of one address. */
async function all(jobs: (() => Promise<void>)[]): Promise<void> {
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let job = jobs.pop(); job; job = jobs.pop()) await job();
    }),
  );
}

async function isWell(t: Test, server: ServerChild): Promise<void> {
  t.ok(server.isAlive(), 'the process lives', { errors: server.errors });
  t.equal(server.errors, '', 'and nothing was unforeseen');
  if (!server.isAlive()) return;
  const client = await RawClient.welcomed(server.endpoint);
  t.ok(await client.isAlive(), 'an honest client is served');
  client.terminate();
  const answer = await ask(server.port, request('GET /healthz', [`Host: 127.0.0.1:${String(server.port)}`]));
  t.equal(answer.status, 200);
}

for (const transport of ['uws', 'ws'] as const) {
  t.test(transport, async (t) => {
    const server = await ServerChild.start({ transport, journal: false, limits: { maxRefusalsPerSecond: 1_000_000 } });
    t.teardown(() => server.stop());
    for (let n = 0; n < 50; n++) server.repository.record('task', `t${String(n)}`, { text: 'x'.repeat(20_000) });
    for (const [how, end] of ENDS) {
      t.test(`a client that ${how} at any byte of any request ends its own connection and nothing else`, async (t) => {
        const jobs = requests(server).flatMap(([, bytes]) =>
          [...cuts(bytes.length, transport === 'uws' ? 1 : 4)].map(
            (at) => () => leaveAfterSending(server.port, bytes.slice(0, at), end),
          ),
        );
        await all(jobs);
        await isWell(t, server);
      });

      t.test(`a client that ${how} at any byte of any answer ends its own connection and nothing else`, async (t) => {
        const counts = [1, 17, 200, 600, 2_000, 20_000, 70_000, 250_000];
        const jobs = requests(server).flatMap(([, bytes]) =>
          counts.map((count) => () => leaveAfterReading(server.port, bytes, count, end)),
        );
        await all(jobs);
        await isWell(t, server);
      });
    }

    t.test('clients that request a page and reset the connection, many times, do not end the server', async (t) => {
      const page = request('GET /inspector.js', [`Host: 127.0.0.1:${String(server.port)}`]);
      await all(
        Array.from(
          { length: 600 },
          (_, n) => () => leaveAfterSending(server.port, page.repeat(1 + (n % 4)), ENDS[1]![1]),
        ),
      );
      await isWell(t, server);
    });
  });
}
