import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { WebSocketServer } from 'ws';
import { BusError, connect, type BusEvent, type BusStatus } from '../../../client/sdk/index.js';
import { FakeBus } from '../../../client/sdk/testing.js';
import { MessageType, packMessage } from '../../../protocol/index.js';
import { Command } from '../../support/command.js';
import { makeCertificate } from '../../support/certificate.js';
import { EPOCH, event, ScriptedServer } from '../../support/scripted-server.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

const WELCOME = {
  protocol: 1,
  server: '9.9.9',
  epoch: EPOCH,
  revision: 0,
  now: 0,
  backend: 'none',
  heartbeat_ms: 5_000,
  limits: {},
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts the listeners of a signal. */
function countingSignal(): { readonly controller: AbortController; count(): number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    count++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    count--;
    remove(...args);
  };
  return { controller, count: () => count };
}

// ── signals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

t.test('connect with an aborted signal rejects with its reason and opens no connection', async (t) => {
  const reason = new Error('not today');
  await t.rejects(connect({ url: 'ws://127.0.0.1:1', token: 'x', signal: AbortSignal.abort(reason) }), reason);
  const fake = new FakeBus();
  await t.rejects(fake.connect({ signal: AbortSignal.abort(reason) }), reason);
  await t.rejects(fake.connect({ signal: AbortSignal.abort() }), { name: 'AbortError' });
  fake.stop();
});

t.test('a signal that aborts during the wait for the first connection ends the wait with its reason', async (t) => {
  const controller = new AbortController();
  const waiting = connect({
    url: 'ws://127.0.0.1:1',
    token: 'x',
    signal: controller.signal,
    waitOnFirstConnect: true,
    backoff: { firstMs: 1, longestMs: 5 },
  });
  const reason = new Error('enough');
  setTimeout(() => {
    controller.abort(reason);
  }, 30);
  await t.rejects(waiting, reason);
});

t.test('clients, subscriptions and questions leave no listener on a signal when they end', async (t) => {
  const fake = new FakeBus();
  const { controller, count } = countingSignal();
  const { signal } = controller;
  for (let n = 0; n < 30; n++) {
    const bus = await fake.connect({ signal });
    const subscription = bus.subscribe({}, { signal });
    await bus.sync(undefined, { signal });
    await bus.inspect('explain', { filter: {}, revision: 1 }, { signal }).catch(() => undefined);
    const mirror = await bus.mirror({}, { signal });
    await mirror.whenFree('a.py', { signal });
    await mirror.close();
    await subscription.close();
    await bus.close();
  }
  // `AbortSignal.any` adds no listener that could be counted.
  t.equal(count(), 0);
  fake.stop();
});

t.test('a client whose signal aborts refuses with the reason as the cause', async (t) => {
  const fake = new FakeBus();
  const controller = new AbortController();
  const bus = await fake.connect({ signal: controller.signal });
  const reason = new Error('shutting down');
  controller.abort(reason);
  t.equal(bus.status.state, 'closed');
  await t.rejects(bus.sync(), { code: 'closed', cause: reason });
  fake.stop();
});

t.test('sync, inspect, mirror, get and holders end with a signal or a time, and leave nothing behind', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  fake.drop();
  const calls: readonly [string, (options: { signal?: AbortSignal; timeoutMs?: number }) => Promise<unknown>][] = [
    ['sync', (options) => bus.sync(undefined, options)],
    ['inspect', (options) => bus.inspect('overview', {}, options)],
    ['mirror', (options) => bus.mirror({}, options)],
    ['get', (options) => bus.get('task', 't1', options)],
    ['holders', (options) => bus.holders('a.py', options)],
    ['first', (options) => bus.subscribe().first(undefined, options)],
  ];
  for (const [name, call] of calls) {
    const late = call({ timeoutMs: 1 });
    fake.clock.advance(1);
    // Advancing the clock may have brought the connection back.
    fake.drop();
    await t.rejects(late, { code: 'timeout', retryable: true }, name);
    const reason = new Error('no more');
    await t.rejects(call({ signal: AbortSignal.abort(reason) }), reason, name);
    const controller = new AbortController();
    const waiting = call({ signal: controller.signal });
    await turn();
    controller.abort(reason);
    await t.rejects(waiting, reason, name);
  }
  fake.clock.advance(60_000);
  await until('it is back', () => bus.status.state === 'live');
  const { connections } = await bus.inspect('overview');
  t.equal(
    connections.reduce((sum, { subscription_count }) => sum + subscription_count, 0),
    0,
  );
  fake.stop();
});

// ── iterators ───────────────────────────────────────────────────────────────────────────────────────────────────────

const WAYS: readonly [string, (events: AsyncIterable<BusEvent>) => Promise<unknown>][] = [
  [
    'return() while next() waits',
    async (events) => {
      const iterator = events[Symbol.asyncIterator]();
      const waiting = iterator.next();
      await iterator.return!();
      const { done } = await waiting;
      if (done !== true) throw new Error('next() has a value');
    },
  ],
  [
    'destroy() of a Readable',
    async (events) => {
      const readable = Readable.from(events).resume();
      await turn();
      const closed = new Promise((resolve) => readable.on('close', resolve));
      readable.destroy();
      await closed;
    },
  ],
  [
    'cancel() of a ReadableStream',
    async (events) => {
      const stream = (ReadableStream as unknown as { from(events: AsyncIterable<BusEvent>): ReadableStream }).from(
        events,
      );
      const reader = stream.getReader();
      const waiting = reader.read();
      await turn();
      await reader.cancel();
      await waiting;
    },
  ],
];

for (const [name, leave] of WAYS) {
  t.test(`${name} ends a subscription at once, here and on the server`, async (t) => {
    const fake = new FakeBus();
    const bus = await fake.connect();
    for (const read of [
      () => bus.subscribe(),
      () => ({ [Symbol.asyncIterator]: () => bus.subscribe().take(5) }),
      () => ({ [Symbol.asyncIterator]: () => bus.subscribe().updates() as unknown as AsyncIterator<BusEvent> }),
    ]) {
      await leave(read());
      await bus.sync();
      const { totals } = await bus.inspect('overview');
      t.equal(totals.subscriptions, 0);
    }
    fake.stop();
  });
}

t.test('several calls of next() at once resolve in order, and all end at return()', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  for (const iterator of [bus.subscribe()[Symbol.asyncIterator](), bus.subscribe().take(9)]) {
    const asked = [iterator.next(), iterator.next(), iterator.next()];
    fake.put('task', 't1', {});
    fake.put('task', 't2', {});
    const [first, second] = await Promise.all(asked.slice(0, 2));
    t.same([first!.value?.id, second!.value?.id], ['t1', 't2']);
    await iterator.return();
    t.same(await asked[2], { done: true, value: undefined });
    fake.remove('task', 't1');
    fake.remove('task', 't2');
  }
  fake.stop();
});

t.test('the cursor stands after the event at which a loop was left, and resuming does not show it again', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const subscription = bus.subscribe({}, { snapshot: 'none' });
  await bus.sync();
  for (const id of ['c0', 'c1', 'c2', 'c3']) fake.put('claim', id, {});
  for await (const { id } of subscription) if (id === 'c2') break;
  const seen: string[] = [];
  for await (const { id } of bus.subscribe({}, { since: subscription.cursor!, maxEvents: 1 })) seen.push(id);
  t.same(seen, ['c3']);
  fake.stop();
});

t.test('an event that the reader still handles is not consumed, also after a heartbeat', async (t) => {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const subscription = client.subscribe();
  server.snapshot([], 10);
  const iterator = subscription[Symbol.asyncIterator]();
  const first = iterator.next();
  server.say([MessageType.events, 1, 0, [event(11, 1, 'r1')]]);
  await first;
  server.say([MessageType.heartbeat, 20, 0, { backend: 'inotify', healthy: true, last_scan_ms: 0 }]);
  t.equal(subscription.cursor, `${EPOCH}:10`);
  void iterator.next();
  await turn();
  t.equal(subscription.cursor, `${EPOCH}:20`, 'now it has, and nothing else waits');
});

t.test('take and first end after the wanted events; where runs in this process', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  for (let n = 0; n < 6; n++) fake.put('task', `t${String(n)}`, { n });
  const ids: string[] = [];
  for await (const { id } of bus.subscribe({}, { where: ({ data }) => Number(data['n']) % 2 === 1 }).take(2))
    ids.push(id);
  t.same(ids, ['t1', 't3']);
  t.equal((await bus.subscribe().first(({ id }) => id > 't3'))?.id, 't4');
  t.equal(await bus.subscribe({}, { maxEvents: 2 }).first(() => false), undefined);
  const { totals } = await bus.inspect('overview');
  t.equal(totals.subscriptions, 0);
  t.throws(() => bus.subscribe().take(0), { code: 'bad-option' });
  fake.stop();
});

// ── what others do wrong ────────────────────────────────────────────────────────────────────────────────────────────

t.test('a refused record rejects the sync that named it, and no other', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  await using bus = await connect({ root: repository.root });
  const right = bus.sync();
  await t.rejects(bus.sync({ kind: 'task', id: '../x' }), { code: 'bad-option', message: /is a path/ });
  await t.rejects(bus.sync({ kind: 'nonsense' as 'task', id: 'x' }), { code: 'bad-option', message: /no kind/ });
  await t.rejects(bus.sync({ kind: 'tusk' as 'task', id: 'x' }), { message: /did you mean task\?/ });
  const half = { kind: 'task' as const, id: '\ud800' };
  await t.rejects(bus.sync(half), { code: 'bad-option' });
  const explained = bus.inspect('explain', { ...half, filter: {} });
  await t.rejects(explained, { code: 'bad-option', message: /what JSON has not/ });
  for (const value of [() => 0, new Date(), 10n, NaN])
    await t.rejects(bus.inspect('overview', { after: value } as object), { code: 'bad-option' }, typeof value);
  const unnamed = bus.inspect('explain', { filter: {}, kind: 'task', id: undefined } as object);
  await t.rejects(unnamed, { code: 'bad-option', message: /id must be a string/ }, 'as if it had been left out');
  await t.rejects(bus.holders(5 as unknown as string), { code: 'bad-option', message: /is no text/ });
  await bus.sync(undefined, { timeoutMs: 1e308 });
  t.match(await right, /:/);
  t.equal(bus.status.state, 'live', 'what cannot be sent ends no connection');
});

t.test('a refused mirror leaves no subscription on the server', async (t) => {
  const fake = new FakeBus({ limits: { maxSubscriptions: 1 } });
  const bus = await fake.connect();
  const other = bus.subscribe();
  await bus.sync();
  await t.rejects(bus.mirror(), { code: 'limit' });
  await t.rejects(bus.mirror({ addresses: ['src/*'] }), { code: 'limit' });
  const { totals } = await bus.inspect('overview');
  t.equal(totals.subscriptions, 1);
  await other.close();
  fake.stop();
});

/** A WebSocket server that sends the test's messages on every connection. */
async function garbageServer(t: Test, frames: readonly (string | Uint8Array)[]): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0]! });
  server.on('connection', (socket) => {
    for (const frame of frames) socket.send(frame);
  });
  await new Promise((resolve) => server.on('listening', resolve));
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

t.test('garbage from the server is a protocol error of the client, and the process continues', async (t) => {
  const garbage: readonly (string | Uint8Array)[] = [
    'hello',
    Buffer.from([0xc1]),
    Buffer.alloc(0),
    packMessage([16]),
    packMessage([16, null]),
    packMessage({ a: 1 }),
    packMessage([20, 1, 0, null]),
    packMessage([26, 'x', 1, {}]),
  ];
  for (const frame of garbage) {
    const url = await garbageServer(t, [frame]);
    await t.rejects(connect({ url, token: 'x' }), { name: 'BusError', code: 'protocol' }, String(frame));
  }
});

t.test('garbage in the middle of the stream ends every subscription with the same error', async (t) => {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const subscription = client.subscribe();
  server.snapshot([], 1);
  server.say([MessageType.events, 1, 0, 'garbage'] as never);
  t.match(client.status, { state: 'closed', error: { code: 'protocol' } });
  await t.rejects(subscription.done, { code: 'protocol' });
  await t.rejects(client.sync(), { code: 'protocol' });
});

t.test('unknown messages, kinds, types and modes of a newer server are ignored', async (t) => {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const subscription = client.subscribe();
  const seen: string[] = [];
  void (async () => {
    for await (const { id } of subscription) seen.push(id);
  })();
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 1, 'a mode of later', `${EPOCH}:3`] as never);
  server.say([MessageType.batch, sub, 1, [event(1, 0, 'r1'), [2, 0, 7, 'of an eighth kind', 1, {}]]]);
  server.say([MessageType.synced, sub, 3, 0]);
  server.say([99, 'of later'] as never);
  server.say([MessageType.events, 1, 0, [[4, 9, 0, 'of a sixth type', 1, {}], event(5, 1, 'r2')]]);
  server.say([MessageType.events, 1, 2, [event(6, 1, 'r3')]]);
  await until('the last one is in', () => seen.includes('r3'));
  t.same(seen, ['r1', 'r2', 'r3']);
  t.equal(client.status.state, 'live');
});

t.test('an error of a watcher is reported and affects no other watcher', async (t) => {
  const fake = new FakeBus();
  const reported: unknown[] = [];
  const bus = await fake.connect({ onError: (error) => reported.push(error) });
  const seen: BusStatus['state'][] = [];
  const fault = new Error('of the watcher');
  bus.watchStatus(() => {
    throw fault;
  });
  bus.watchStatus(({ state }) => seen.push(state));
  fake.drop();
  fake.clock.advance(1);
  await until('it is back', () => bus.status.state === 'live');
  t.ok(seen.includes('connecting') && seen.includes('live'));
  t.ok(reported.length >= 2 && reported.every((error) => error === fault));

  const mirror = await bus.mirror();
  reported.length = 0;
  let changes = 0;
  mirror.subscribe(() => {
    throw fault;
  });
  mirror.subscribe(() => changes++);
  fake.put('task', 't1', {});
  fake.put('task', 't2', {});
  await until('both are in', () => mirror.get('task', 't2') !== undefined);
  t.equal(changes, 2);
  t.same(reported, [fault, fault]);
  t.same(mirror.status, { state: 'live' });
  fake.stop();
});

t.test('without onError the error of a watcher goes to the logger', async (t) => {
  const fake = new FakeBus();
  const lines: string[] = [];
  const log = (_: object, message: string): void => void lines.push(message);
  const bus = await fake.connect({ logger: { debug: log, info: log, warn: log, error: log } });
  bus.watchStatus(() => {
    throw new Error('of the watcher');
  });
  fake.drop();
  t.same(lines, ['connected', 'not connected', 'a watcher of the status has thrown']);
  fake.stop();
});

// ── options ─────────────────────────────────────────────────────────────────────────────────────────────────────────

t.test('an option that is unknown or of the wrong type is refused by name, with the nearest right one', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const mirror = await bus.mirror();
  const any = (value: unknown): never => value as never;
  const calls: readonly [() => unknown, RegExp][] = [
    [() => bus.subscribe({}, any({ max_events: 1 })), /max_events.*did you mean maxEvents\?/],
    [() => bus.subscribe({}, any({ maxEvents: 0 })), /maxEvents.*integer from 1/],
    [() => bus.subscribe({}, any({ maxEvents: '10' })), /maxEvents.*"10"/],
    [() => bus.subscribe({}, any({ whenFull: 'drop' })), /whenFull.*wait, latest, fail.*"drop"/],
    [() => bus.subscribe({}, any({ bufferSize: -1 })), /bufferSize.*-1/],
    [() => bus.subscribe({}, any({ bufferSize: NaN })), /bufferSize.*NaN/],
    [() => bus.subscribe({}, any({ snapshot: true })), /snapshot.*full, none/],
    [() => bus.subscribe({}, any({ signal: {} })), /signal.*AbortSignal/],
    [() => bus.subscribe({}, any('full')), /options of subscribe must be an object/],
    [() => bus.subscribe(any({ kind: 'task' })), /did you mean "kinds"/],
    [() => bus.mirror({}, any({ lease: true })), /did you mean leases\?/],
    [() => bus.mirror(any({ kind: ['task'] })), /did you mean "kinds"/],
    [
      () => bus.sync(any({ kind: 'task', id: 'a', run_id: 'r' })),
      /sync has no option "run_id"; the options are kind, id/,
    ],
    [() => bus.sync(any({ kind: 'task', idd: 'a' })), /"idd"; did you mean id\?/],
    [() => bus.sync(any({ timeoutMs: 5 })), /sync has no option "timeoutMs"; the options are kind, id/],
    [() => bus.sync(any('task')), /options of sync must be an object, got "task"/],
    [() => bus.sync(undefined, any({ timeout: 5 })), /did you mean timeoutMs\?/],
    [() => bus.sync(undefined, any({ timeoutMs: '5' })), /timeoutMs.*milliseconds/],
    [() => bus.inspect('overview', {}, any({ sginal: 1 })), /did you mean signal\?/],
    [() => mirror.whenFree('a', any({ branche: 'main' })), /did you mean branch\?/],
    [() => fake.connect(any({ maxAttempt: 1 })), /did you mean maxAttempts\?/],
    [() => fake.connect(any({ maxAttempts: 0 })), /maxAttempts.*1 or more/],
    [() => fake.connect(any({ name: 'a\nb' })), /control characters/],
    [() => connect(any({ maxAttempt: 1 })), /did you mean maxAttempts\?/],
    [() => connect(any({ hostname: 'x' })), /the options are/],
    [() => connect(any({ url: 7 })), /url of connect must be a string/],
    [() => connect({ url: 'ws://a', token: 't', getToken: () => 't' }), /token and getToken/],
  ];
  for (const [call, message] of calls) {
    await t.rejects(async () => call(), { name: 'BusError', code: 'bad-option', message }, String(message));
  }
  // An optional option may be undefined.
  const nothing = {
    signal: undefined,
    maxEvents: undefined,
    since: undefined,
    snapshot: undefined,
    whenFull: undefined,
  };
  await bus.subscribe({ kinds: undefined as never }, nothing).close();
  fake.stop();
});

t.test('the error for an invalid url names the fault and suggests the probable url', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /is empty/],
    ['  ', /is empty/],
    ['localhost:6873', /did you mean ws:\/\/localhost:6873\?/],
    ['127.0.0.1:6873', /is invalid|no scheme/],
    ['ws://', /names no host/],
    ['http://localhost:6873', /did you mean ws:\/\/localhost:6873\?/],
    ['https://bus.example', /did you mean wss:\/\/bus\.example\?/],
    ['ftp://localhost', /ws:\/\/ or wss:\/\//],
    ['ws://localhost:6873/#token=x', /fragment/],
    ['ws://localhost:6873/?token=secret', /^(?!.*secret).*token/],
    ['ws://localhost:99999', /is invalid/],
  ];
  for (const [url, message] of cases) {
    await t.rejects(connect({ url, token: 'x' }), { code: 'bad-option', message, hint: /ws:\/\/host:port/ }, url);
  }
});

// ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

t.test('an untrusted certificate is reported as such, and is trusted when given as ca', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-tls-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const { certFile, keyFile } = makeCertificate(folder, 'bus');
  const cert = readFileSync(certFile, 'utf8');
  for (const transport of ['uws', 'ws'] as const) {
    const repository = new ServedRepository({ transport, tlsCertFile: certFile, tlsKeyFile: keyFile });
    t.teardown(() => repository.stop());
    const { url, token } = await repository.start();
    await t.rejects(connect({ url, token }), { code: 'untrusted', hint: /ca.*NODE_EXTRA_CA_CERTS/, retryable: false });
    await t.rejects(connect({ url: url.replace('wss', 'ws'), token }), BusError);
    const trusting = await connect({ url, token, ca: cert });
    t.match(await trusting.sync(), /:/);
    await trusting.close();
    const blind = await connect({ url, token, rejectUnauthorized: false });
    await blind.close();
    await t.rejects(connect({ url, token, ca: 'no certificate' }), BusError);
  }
  const plain = new ServedRepository({ transport: 'ws' });
  t.teardown(() => plain.stop());
  const { url, token } = await plain.start();
  await t.rejects(connect({ url: url.replace('ws:', 'wss:'), token }), { code: 'unreachable', hint: /ws:\/\// });
});

// ── ends ────────────────────────────────────────────────────────────────────────────────────────────────────────────

t.test('a stopped fake bus cannot be reached again', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const mirror = await bus.mirror();
  fake.stop();
  t.equal(bus.status.state, 'connecting');
  t.match(mirror.status, { state: 'unknown', cause: /shutdown/ });
  for (let n = 0; n < 5; n++) {
    fake.clock.advance(60_000);
    await turn();
  }
  t.equal(bus.status.state, 'connecting', 'it dials, and reaches nobody');
  await t.rejects(fake.connect(), { code: 'unreachable' });
  const syncing = bus.sync(undefined, { timeoutMs: 5 });
  fake.clock.advance(5);
  await t.rejects(syncing, { code: 'timeout' });
  const opening = bus.mirror({}, { timeoutMs: 5 });
  fake.clock.advance(5);
  await t.rejects(opening, { code: 'timeout' });
  await bus.close();
});

t.test('closing a connection to a silent server lets the process end', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0]! });
  await new Promise((resolve) => server.on('listening', resolve));
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    socket.send(packMessage([16, WELCOME]));
    // From here on the server reads nothing more, not even a close frame.
    socket.pause();
  });
  const url = `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const entry = new URL('../../../dist/client/sdk/index.js', import.meta.url).href;
  const program = `
    const { connect } = await import('${entry}');
    const bus = await connect({ url: '${url}', token: 'x' });
    await bus.close();
    console.log('closed');
  `;
  const child = new Command(process.execPath, ['--input-type=module', '-e', program]);
  let hasEnded = false;
  void child.exit.then(() => (hasEnded = true));
  t.teardown(() => {
    child.kill('SIGKILL');
  });
  await until('the process has ended', () => hasEnded);
  t.same(child.lines, ['closed']);
});
