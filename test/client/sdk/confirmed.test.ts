import t, { type Test } from 'tap';
import { connect, type BusClient, type BusEvent } from '../../../client/sdk/index.js';
import { FakeBus } from '../../../client/sdk/testing.js';
import { BusServer } from '../../../server/index.js';
import { MessageType, type WatchHealth, type WireEvent } from '../../../protocol/index.js';
import { EPOCH, event, ScriptedServer } from '../../support/scripted-server.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

const ADDRESS = 'src/a.py';
const FAST = { firstMs: 1, longestMs: 20 };

const lease = (fake: FakeBus, ms: number) => ({
  run_id: 'agent-1',
  branch: 'main',
  addresses: [ADDRESS],
  expires_at: fake.clock.inFuture(ms),
});

/** Whether a promise has settled, without waiting for it. */
function watched(promise: Promise<unknown>): { outcome: 'pending' | 'resolved' | 'rejected' } {
  const state: { outcome: 'pending' | 'resolved' | 'rejected' } = { outcome: 'pending' };
  promise.then(
    () => (state.outcome = 'resolved'),
    () => (state.outcome = 'rejected'),
  );
  return state;
}

async function settle(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
}

// ── free, nobody ────────────────────────────────────────────────────────────────────────────────────────────────────

t.test(
  'a lease that runs out while the bus is away is not called free, and one that was extended meanwhile is held',
  async (t) => {
    const fake = new FakeBus();
    const bus = await fake.connect({ backoff: { firstMs: 100_000, longestMs: 100_000 }, random: () => 0.99 });
    const mirror = await bus.mirror();
    fake.put('reservation', 'r1', lease(fake, 8_000));
    await until('it is held', () => mirror.holders(ADDRESS).length === 1);
    const free = mirror.whenFree(ADDRESS);
    const state = watched(free);
    fake.drop();
    const extended = fake.clock.inFuture(600_000);
    fake.put('heartbeat', 'h1', { run_id: 'agent-1', reservation_id: 'r1', extended_expires_at: extended });
    fake.clock.advance(9_000);
    await settle();
    t.equal(state.outcome, 'pending', 'the time is over, and nobody can be asked');
    t.match(mirror.status, { state: 'unknown', since: Number });
    fake.clock.advance(100_000);
    await until('it is back', () => bus.status.state === 'live');
    await settle();
    t.equal(state.outcome, 'pending', 'it was extended');
    t.match(mirror.status, { state: 'live' });
    fake.put('release', 'x1', { run_id: 'agent-1', reservation_id: 'r1' });
    await free;
    fake.stop();
  },
);

/** A mirror of a scripted server, with a reservation of the address that ends in so many milliseconds. */
async function mirrored(endsInMs: number) {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const opening = client.mirror();
  const expires_at = new Date(server.clock.now() + 7 + endsInMs).toISOString();
  const r1: WireEvent = [1, 0, 0, 'r1', server.clock.now(), { run_id: 'agent-1', addresses: [ADDRESS], expires_at }];
  server.snapshot([r1], 1);
  return { server, client, mirror: await opening, r1 };
}

const beat = (server: ScriptedServer, afterMs: number, more: Partial<WatchHealth> = {}): void => {
  server.say([
    MessageType.heartbeat,
    1,
    server.clock.now() + 7 + afterMs,
    { backend: 'inotify', healthy: true, last_scan_ms: 0, ...more },
  ]);
};

t.test('a question whose server is another one before it is answered is asked again', async (t) => {
  const questions: Readonly<Record<string, (client: BusClient) => Promise<unknown>>> = {
    holding: (client) => client.holding(ADDRESS),
    get: (client) => client.get('reservation', 'r1'),
  };
  for (const [name, ask] of Object.entries(questions)) {
    const server = new ScriptedServer();
    const client = await server.welcomedClient({ backoff: FAST });
    const barriers = (): unknown[][] => server.sent.filter(([type]) => type === MessageType.sync);
    const answer = async (): Promise<void> => {
      const nonce = barriers().at(-1)![1] as number;
      server.say([MessageType.syncDone, nonce, `${EPOCH}:1`]);
      await settle();
    };
    const asked = watched(ask(client));
    await settle();
    await answer();
    server.drop();
    server.clock.advance(1_000);
    server.welcome();
    server.snapshot([], 1);
    await settle();
    t.equal(asked.outcome, 'pending', `${name}: this server has not said what is on disk`);
    t.equal(barriers().length, 1, name);
    await answer();
    server.snapshot([], 1);
    await settle();
    t.equal(asked.outcome, 'resolved', name);
    await client.close();
  }
});

t.test('a server that reports a fault without details proves no address free', async (t) => {
  const { server, mirror } = await mirrored(500);
  const free = (more: Partial<WatchHealth>): unknown => {
    beat(server, 0, more);
    return mirror.holding('docs/elsewhere.md').free;
  };
  t.equal(free({}), 'yes');
  t.equal(free({ healthy: false }), 'unknown', 'an edge that has not heard of its origin yet');
  t.equal(
    free({ healthy: false, state: 'watching' }),
    'yes',
    'all can be seen, if not by the mechanism that was wanted',
  );
  t.equal(free({ healthy: false, state: 'suspect' }), 'unknown');
  t.equal(
    free({ healthy: false, state: 'watching', origin: 'away' }),
    'unknown',
    'an edge does not see the files itself',
  );
  t.equal(free({ state: 'watching', origin: 'present' }), 'yes');
});

t.test(
  'no lease ends in a mirror by its own clock: its holder is unknown until the server has told everything up to its end',
  async (t) => {
    const { server, mirror } = await mirrored(500);
    t.match(mirror.holding(ADDRESS), { free: 'no', holders: [{ state: 'live' }] });
    server.clock.advance(900);
    t.match(mirror.holding(ADDRESS), { free: 'no', holders: [{ state: 'unknown' }] }, 'a heartbeat may be on its way');
    beat(server, -500);
    t.match(mirror.holding(ADDRESS), { free: 'no' }, 'a moment before its end proves nothing');
    beat(server, 0);
    t.match(mirror.holding(ADDRESS), { free: 'yes', holders: [] });
  },
);

t.test(
  'a wait behind two leases sleeps until the longer ends, also if the end of the shorter is not known',
  async (t) => {
    const server = new ScriptedServer();
    const client = await server.welcomedClient();
    const opening = client.mirror();
    const reservation = (id: string, endsInMs: number): WireEvent => {
      const expires_at = new Date(server.clock.now() + 7 + endsInMs).toISOString();
      return [1, 0, 0, id, server.clock.now(), { run_id: 'agent-1', addresses: [ADDRESS], expires_at }];
    };
    server.snapshot([reservation('r1', 500), reservation('r2', 60_000)], 1);
    const mirror = await opening;
    const state = watched(mirror.whenFree(ADDRESS));
    server.clock.advance(600);
    await settle();
    t.match(mirror.holding(ADDRESS), { free: 'no', holders: [{ state: 'unknown' }, { state: 'live' }] });
    let waits = 0;
    const after = server.clock.after.bind(server.clock);
    server.clock.after = (delayMs, call) => {
      waits++;
      return after(delayMs, call);
    };
    for (let ms = 0; ms < 20; ms++) {
      server.clock.advance(1);
      await settle();
    }
    t.equal(waits, 0, 'it does not look again and again');
    t.equal(state.outcome, 'pending');
  },
);

t.test('an event of the server about the end of a lease ends it at once', async (t) => {
  const { server, mirror, r1 } = await mirrored(500);
  t.match(mirror.holding(ADDRESS), { free: 'no' });
  server.clock.advance(600);
  const [, , , , , data] = r1;
  server.say([MessageType.events, 1, 0, [[2, 4, 0, 'r1', server.clock.now() + 7, data, 'ttl']]]);
  await until('it has ended', () => mirror.holding(ADDRESS).free === 'yes');
});

t.test('after a broken connection no address is free before the bus has sent its records', async (t) => {
  const { server, mirror } = await mirrored(500);
  server.drop();
  t.match(mirror.holding(ADDRESS), { free: 'no' });
  server.clock.advance(10_000);
  t.match(mirror.holding(ADDRESS), { free: 'no', holders: [{ state: 'unknown' }] });
  t.match(mirror.holding('src/other.py'), { free: 'unknown' });
  server.welcome();
  t.match(mirror.holding(ADDRESS), { free: 'no', holders: [{ state: 'unknown' }] }, 'it may have been extended');
  t.match(mirror.holding('src/other.py'), { free: 'unknown' }, 'and another may hold what was free');
  server.snapshot([], 2);
  await until('it is told', () => mirror.holding(ADDRESS).free === 'yes');
  t.match(mirror.holding('src/other.py'), { free: 'yes' });
});

t.test('a reservation that is made while the bus is away is seen before anything is called free', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const mirror = await bus.mirror();
  fake.drop();
  fake.put('reservation', 'r1', lease(fake, 60_000));
  const state = watched(mirror.whenFree(ADDRESS));
  await settle();
  t.equal(state.outcome, 'pending');
  fake.clock.advance(1);
  await until('it is back', () => bus.status.state === 'live');
  await until('it is held', () => mirror.holders(ADDRESS).length === 1);
  await settle();
  t.equal(state.outcome, 'pending');
  fake.stop();
});

t.test('a wait that is closed rejects: with closed, or with what ended the client', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  fake.put('reservation', 'r1', lease(fake, 60_000));
  const mirror = await bus.mirror();
  const waiting = mirror.whenFree(ADDRESS);
  await bus.close();
  await t.rejects(waiting, { code: 'closed' });
  t.equal(await mirror.closed, undefined);
  t.same(mirror.status, { state: 'closed' });
  await t.rejects(bus.mirror(), { code: 'closed' }, 'and there is no empty mirror');
  await t.rejects(bus.holders(ADDRESS), { code: 'closed' });
  await t.rejects(bus.get('task', 't1'), { code: 'closed' });
  fake.stop();
});

t.test('a mirror that is being opened when its client ends rejects', async (t) => {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const opening = client.mirror();
  await client.close();
  await t.rejects(opening, { code: 'closed' });

  const another = await server.welcomedClient();
  const errors: unknown[] = [];
  const open = another.mirror({}, { onError: (error) => errors.push(error) });
  server.snapshot([], 1);
  const mirror = await open;
  let told = 0;
  mirror.subscribe(() => told++);
  server.drop(4401);
  t.match(await mirror.closed, { code: 'unauthorized' });
  t.match(mirror.status, { state: 'closed', error: { code: 'unauthorized' } });
  t.match(errors, [{ code: 'unauthorized' }]);
  t.equal(told, 1, 'who shows it is told that it has ended');
  await t.rejects(mirror.whenFree(ADDRESS), { code: 'unauthorized' });
  await t.rejects(another.mirror(), { code: 'unauthorized' });
});

t.test('get and holders answer from the disk at the time of the call', async (t) => {
  const repository = new ServedRepository({ backend: 'polling', pollIntervalMs: 3_600_000 });
  t.teardown(() => repository.stop());
  await repository.start();
  await using bus = await connect({ root: repository.root });
  const expires_at = new Date(Date.now() + 60_000).toISOString();
  for (let n = 0; n < 20; n++) {
    repository.rename('reservation', 'r1', { run_id: `agent-${String(n)}`, addresses: [ADDRESS], expires_at });
    const [holder] = await bus.holders(ADDRESS);
    t.equal(holder?.run_id, `agent-${String(n)}`);
    t.equal((await bus.get('reservation', 'r1'))?.data.run_id, `agent-${String(n)}`);
    repository.remove('reservation', 'r1');
    t.same(await bus.holders(ADDRESS), []);
    t.equal(await bus.get('reservation', 'r1'), undefined);
  }
});

// ── one state ───────────────────────────────────────────────────────────────────────────────────────────────────────

t.test('records and leases of a mirror are of one moment in every callback, and share one version', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  for (const filter of [{ kinds: ['reservation'] }, { kinds: ['task'] }, {}, { run_ids: ['agent-1'] }]) {
    const mirror = await bus.mirror(filter);
    const { connections } = await bus.inspect('overview');
    t.equal(connections[0]!.subscription_count, 1, 'one subscription');
    const seen: [number, boolean][] = [];
    mirror.subscribe(() => seen.push([mirror.version, mirror.holders(ADDRESS).length > 0]));
    fake.put('reservation', 'r1', lease(fake, 60_000));
    fake.put('release', 'x1', { run_id: 'agent-2', reservation_id: 'r1' });
    fake.remove('release', 'x1');
    await until('all is in', () => seen.length === 3);
    t.same(seen, [
      [1, true],
      [2, false],
      [3, true],
    ]);
    fake.remove('reservation', 'r1');
    await mirror.close();
  }
  fake.stop();
});

t.test('a mirror shows what its filter lets through and nothing else, though it follows leases', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  fake.put('reservation', 'r1', lease(fake, 60_000));
  fake.put('task', 't1', { run_id: 'agent-1', addresses: [ADDRESS] });
  fake.put('task', 't2', { run_id: 'agent-2' });
  const shown = async (filter: object): Promise<string[]> => {
    const mirror = await bus.mirror(filter);
    t.equal(mirror.holders(ADDRESS).length, 1);
    const ids = [...mirror.all('reservation'), ...mirror.all('task')].map(({ id }) => id);
    await mirror.close();
    return ids;
  };
  t.same(await shown({ kinds: ['tasks'] }), ['t1', 't2']);
  t.same(await shown({ run_ids: ['agent-1'] }), ['r1', 't1']);
  t.same(await shown({ ids: ['t2'] }), ['t2']);
  t.same(await shown({ kinds: ['task'], addresses: [ADDRESS] }), ['t1']);
  t.same(await shown({ kinds: ['task'], addresses: ['src/*.py'] }), ['t1'], 'a glob is the server’s to match');
  const alone = await bus.mirror({ kinds: ['task'] }, { leases: false });
  t.throws(() => alone.holders(ADDRESS), { code: 'bad-option' });
  fake.stop();
});

// ── resyncs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async function restartedWithoutHistory(
  t: Test,
): Promise<{ readonly bus: Awaited<ReturnType<typeof connect>>; restart(): Promise<void> }> {
  const repository = new ServedRepository({ journal: false });
  await repository.start();
  repository.rename('task', 't1', {});
  repository.rename('task', 't2', {});
  const bus = await connect({ root: repository.root, backoff: FAST });
  await bus.sync();
  const next = new BusServer({ root: repository.root, port: 0, journal: false });
  t.teardown(async () => {
    await bus.close();
    await next.stop();
    repository.dispose();
  });
  const restart = async (): Promise<void> => {
    await repository.server.stop();
    repository.remove('task', 't2');
    repository.rename('task', 't3', {});
    await next.start();
  };
  return { bus, restart };
}

t.test('after a resync a plain loop receives removals, so that its state is right again', async (t) => {
  const { bus, restart } = await restartedWithoutHistory(t);
  const state = new Set<string>();
  const seen: BusEvent[] = [];
  void (async () => {
    for await (const told of bus.subscribe({ kinds: ['task'] })) {
      seen.push(told);
      if (told.event_type === 'removed') state.delete(told.id);
      else state.add(told.id);
    }
  })();
  await until('it knows what stands', () => state.size === 2);
  await restart();
  await until('its state is right', () => [...state].sort().join() === 't1,t3');
  const removal = seen.find(({ event_type }) => event_type === 'removed');
  t.match(removal, { id: 't2', kind: 'task', data: {}, observed: 'resync' });
  t.match(removal?.cursor, /:\d+$/);
});

t.test('a subscription without snapshots ends with an error when events are missing', async (t) => {
  const { bus, restart } = await restartedWithoutHistory(t);
  const tail = bus.subscribe({ kinds: ['task'] }, { snapshot: 'none' });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { id } of tail) seen.push(id);
  })();
  await bus.sync();
  await restart();
  await t.rejects(reading, { code: 'resync', hint: /updates\(\)/ });
});

t.test('a snapshot that is cut off does not count against the cap, and comes again whole', async (t) => {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const subscription = client.subscribe({}, { maxEvents: 12 });
  const shown: string[] = [];
  let synced = 0;
  void (async () => {
    for await (const update of subscription.updates()) {
      if (update.type === 'event') shown.push(update.event.id);
      else if (update.type === 'resync') shown.length = 0;
      else synced++;
    }
  })();
  const ten = Array.from({ length: 10 }, (_, n) => event(n + 1, 0, `r${String(n)}`));
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 1, 'snapshot', `${EPOCH}:10`]);
  server.say([MessageType.batch, sub, 1, ten.slice(0, 6)]);
  await until('five are read, and one is held back', () => shown.length === 5);
  server.drop();
  server.clock.advance(10_000);
  server.welcome();
  t.match(server.lastRequest(), { max_events: 12 });
  server.snapshot(ten, 10);
  await until('it is whole', () => synced === 1);
  t.same(
    shown,
    ten.map(([, , , id]) => id),
  );
  server.drop();
  server.clock.advance(10_000);
  server.welcome();
  t.match(server.lastRequest(), { max_events: 2 }, 'what is whole counts');
});

// ── connecting ──────────────────────────────────────────────────────────────────────────────────────────────────────

t.test('the server knows a client by the name that it gives itself', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect({ name: 'agent-42' });
  await fake.connect();
  const { connections, you } = await bus.inspect('overview');
  t.same(
    connections.map(({ name }) => name),
    ['agent-42', null],
  );
  t.equal(you, bus.server?.connection);
  fake.drop();
  fake.clock.advance(1);
  t.equal(
    (await bus.inspect('overview')).connections.find(({ id }) => id === bus.server?.connection)?.name,
    'agent-42',
  );
  fake.stop();
});

t.test('the client sends no name to an older server without the feature names', async (t) => {
  const server = new ScriptedServer();
  await server.welcomedClient({ name: 'agent-42' });
  t.same(
    server.sent.map(([type]) => type),
    [MessageType.ping],
  );
});

t.test('the first connection can be waited for like any other', async (t) => {
  const repository = new ServedRepository({ journal: false });
  t.teardown(() => repository.stop());
  const lines: string[] = [];
  const log = (_: object, message: string): void => void lines.push(message);
  const logger = { debug: log, info: log, warn: log, error: log };
  const waiting = connect({ root: repository.root, waitOnFirstConnect: true, backoff: FAST, logger });
  await until('it has tried', () => lines.length > 2);
  await repository.start();
  const bus = await waiting;
  t.equal(bus.status.state, 'live');
  await bus.close();
});

t.test('getToken is called before every attempt, and again after the token was rotated', async (t) => {
  const repository = new ServedRepository({ journal: false });
  t.teardown(() => repository.stop());
  const endpoint = await repository.start();
  let asked = 0;
  let token = 'wrong';
  const getToken = async (): Promise<string> => {
    asked++;
    return Promise.resolve(token);
  };
  await t.rejects(connect({ url: endpoint.url, getToken, backoff: FAST }), { code: 'unauthorized' });
  token = endpoint.token;
  const bus = await connect({ url: endpoint.url, getToken, backoff: FAST });
  t.equal(asked, 2);
  repository.server.bus.disconnectAll(4401, 'the token was rotated');
  await until('it is back', () => asked === 3 && bus.status.state === 'live');
  await bus.close();
  const failing = connect({ url: endpoint.url, getToken: () => Promise.reject(new Error('the vault is closed')) });
  await t.rejects(failing, { code: 'unreachable', message: /the vault is closed/ });
  await t.rejects(connect({ url: endpoint.url, getToken: () => '' }), { message: /gave no token/ });
});

t.test(
  'a mark that is read after its connection broke says nothing of the next one: nothing is free before that has spoken',
  async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const opening = bus.mirror({ kinds: ['reservation'] });
    server.snapshot([], 5);
    const mirror = await opening;
    t.equal(mirror.holding(ADDRESS).free, 'yes', 'while it is served');
    server.drop();
    server.clock.advance(1_000);
    server.welcome();
    const sub = server.lastSubscription();
    server.say([MessageType.subscribed, sub, 1, 'replay', `${EPOCH}:5`]);
    server.say([MessageType.synced, sub, 6, 0]);
    server.drop();
    await settle();
    server.clock.advance(1_000);
    server.welcome();
    t.equal(mirror.holding(ADDRESS).free, 'unknown', 'welcomed, and nothing told yet');
    const again = server.lastSubscription();
    server.say([MessageType.subscribed, again, 1, 'replay', `${EPOCH}:6`]);
    server.say([MessageType.synced, again, 6, 0]);
    await settle();
    t.equal(mirror.holding(ADDRESS).free, 'yes', 'and told again');
    await bus.close();
  },
);

t.test('what a status watcher asks for when the bus is live is sent once', async (t) => {
  const server = new ScriptedServer();
  const bus = server.client();
  let hasAsked = false;
  bus.watchStatus(({ state }) => {
    if (state !== 'live' || hasAsked) return;
    hasAsked = true;
    bus.subscribe({ kinds: ['task'] });
    bus.sync().catch(() => undefined);
  });
  const open = bus.open();
  server.welcome();
  await open;
  t.equal(server.subscribes().length, 1);
  t.equal(server.sent.filter(([type]) => type === MessageType.sync).length, 1);
  await bus.close();
});
