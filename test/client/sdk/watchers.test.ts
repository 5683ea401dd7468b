/** What a callback of a mirror or of a client may do: remove itself or others, close the mirror, fail later. */
import t, { type Test } from 'tap';
import type { BusClient, BusStatus, ConflictForm, Mirror } from '../../../client/sdk/index.js';
import { FakeBus } from '../../../client/sdk/testing.js';
import { event, ScriptedServer } from '../../support/scripted-server.js';
import { MessageType } from '../../../protocol/index.js';
import { until } from '../../support/until.js';

const ADDRESS = 'src/a.py';

async function mirrored(t: Test, options = {}): Promise<{ fake: FakeBus; bus: BusClient; mirror: Mirror }> {
  const fake = new FakeBus();
  const bus = await fake.connect(options);
  t.teardown(() => {
    fake.stop();
  });
  return { fake, bus, mirror: await bus.mirror() };
}

const reserved = (fake: FakeBus, run: string, ms = 60_000) => ({
  run_id: run,
  addresses: [ADDRESS],
  expires_at: fake.clock.inFuture(ms),
});

/** Waits until the client has what the bus has told so far. */
async function settled(bus: BusClient): Promise<void> {
  await bus.sync();
  await new Promise((resolve) => setImmediate(resolve));
}

t.test('a mirror that a watcher closes changes no more, though more has arrived', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const opening = bus.mirror();
  server.snapshot([], 1);
  const mirror = await opening;
  let calls = 0;
  mirror.subscribe(() => {
    calls++;
    void mirror.close();
  });
  // Two frames that the socket has received at once.
  server.say([MessageType.events, 1, 0, [event(2, 1, 'r1')]]);
  server.say([MessageType.events, 1, 1, [event(3, 1, 'r2')]]);
  t.equal(await mirror.closed, undefined);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(calls, 1);
  t.equal(mirror.get('reservation', 'r2'), undefined);
  t.equal(mirror.version, 1);
  await bus.close();
});

t.test('a watcher that was removed is not called, even if that happened in the same round', async (t) => {
  const { fake, bus, mirror } = await mirrored(t);
  const called: string[] = [];
  const stops = new Map<string, () => void>();
  const removing = (name: string, other: string) => (): void => {
    called.push(name);
    stops.get(other)?.();
  };
  stops.set('records', mirror.subscribe(removing('first of records', 'records')));
  stops.set('records', mirror.subscribe(removing('second of records', '')));
  stops.set('holders', mirror.watchHolding(ADDRESS, {}, removing('first of holders', 'holders')));
  stops.set('holders', mirror.watchHolding(ADDRESS, {}, removing('second of holders', '')));
  stops.set('conflicts', mirror.onConflict(removing('first of conflicts', 'conflicts')));
  stops.set('conflicts', mirror.onConflict(removing('second of conflicts', '')));
  fake.put('reservation', 'r1', reserved(fake, 'a'));
  fake.put('reservation', 'r2', reserved(fake, 'b'));
  await settled(bus);
  // The lease that ends would wake a watcher that has armed its timer again.
  fake.clock.advance(60_001);
  await settled(bus);
  t.ok(
    called.includes('first of records') && called.includes('first of holders') && called.includes('first of conflicts'),
  );
  t.same(
    called.filter((name) => name.startsWith('second')),
    [],
  );
});

t.test('a watcher of conflicts that removes itself at the first of two hears no second', async (t) => {
  const { fake, bus, mirror } = await mirrored(t);
  const told: ConflictForm[] = [];
  const stop = mirror.onConflict((conflict) => {
    told.push(conflict);
    stop();
  });
  fake.put('reservation', 'r1', { ...reserved(fake, 'a'), addresses: ['a.py', 'b.py'] });
  fake.put('reservation', 'r2', { ...reserved(fake, 'b'), addresses: ['a.py', 'b.py'] });
  await settled(bus);
  t.equal(told.length, 1);
  t.equal(mirror.conflicts().length, 2);
});

t.test('a watcher that is added twice is removed twice', async (t) => {
  const { fake, bus, mirror } = await mirrored(t);
  let changes = 0;
  const watcher = (): void => {
    changes++;
  };
  const [first, second] = [mirror.subscribe(watcher), mirror.subscribe(watcher)];
  first();
  fake.put('task', 't1', {});
  await settled(bus);
  t.equal(changes, 1);
  second();
  fake.put('task', 't2', {});
  await settled(bus);
  t.equal(changes, 1);
});

t.test('a watcher of the status that replaces itself at each call does not keep the others waiting', async (t) => {
  const { fake, bus } = await mirrored(t);
  const seen: BusStatus['state'][] = [];
  let stop = (): void => undefined;
  const watcher = ({ state }: BusStatus): void => {
    stop();
    stop = bus.watchStatus(watcher);
    seen.push(state);
  };
  stop = bus.watchStatus(watcher);
  fake.drop();
  t.same(seen, ['connecting']);
});

t.test('what an async watcher rejects with is reported as an error of its own', async (t) => {
  const reported: unknown[] = [];
  const { fake, bus, mirror } = await mirrored(t, { onError: (error: unknown) => reported.push(error) });
  const fault = new Error('later');
  const failing = (): unknown => Promise.reject(fault);
  mirror.subscribe(failing);
  mirror.watchHolding(ADDRESS, {}, failing);
  mirror.onConflict(failing);
  bus.watchStatus(failing);
  fake.put('reservation', 'r1', reserved(fake, 'a'));
  fake.put('reservation', 'r2', reserved(fake, 'b'));
  fake.drop();
  fake.clock.advance(1);
  await settled(bus);
  t.ok(reported.length >= 4);
  t.ok(reported.every((error) => error === fault));
  t.same(mirror.status, { state: 'live' });
});

t.test(
  'who shows the holders of an address is called when the mirror is closed, because they are unknown then',
  async (t) => {
    const { fake, mirror } = await mirrored(t);
    const seen: string[] = [];
    mirror.watchHolding(ADDRESS, {}, () => seen.push(mirror.holding(ADDRESS).free));
    const forgotten = mirror.watchHolding(ADDRESS, {}, () => seen.push('forgotten'));
    forgotten();
    t.equal(mirror.holding(ADDRESS).free, 'yes');
    await mirror.close();
    t.same(seen, ['unknown']);
    fake.clock.advance(60_000);
    t.same(seen, ['unknown'], 'and no timer is left');
  },
);

t.test(
  'a mirror without leases refuses to wait for an address, as it refuses every question about leases',
  async (t) => {
    const { bus } = await mirrored(t);
    const mirror = await bus.mirror({}, { leases: false });
    await t.rejects(mirror.whenFree(ADDRESS), { code: 'bad-option' });
  },
);

t.test('a watcher of the status sees no lease as ended that an unread event has extended', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const opening = bus.mirror();
  const endsAt = server.clock.now() + 1_000;
  const held = { run_id: 'a', addresses: ADDRESS, expires_at: new Date(endsAt).toISOString() };
  server.snapshot([event(1, 0, 'r1', held)], 1);
  const mirror = await opening;
  await until('it is held', () => mirror.holding(ADDRESS).free === 'no');
  const seen: string[] = [];
  bus.watchStatus(() => seen.push(mirror.holding(ADDRESS).free));
  server.clock.advance(2_000);
  // The socket had both at once, after the process was busy for two seconds.
  server.say([
    MessageType.events,
    1,
    0,
    [event(2, 2, 'r1', { ...held, expires_at: new Date(endsAt + 60_000).toISOString() })],
  ]);
  server.say([MessageType.heartbeat, 2, server.clock.now(), { backend: 'inotify', healthy: true, last_scan_ms: 0 }]);
  t.notOk(seen.includes('yes'), seen.join(' '));
  await until('the change is read', () => mirror.get('reservation', 'r1')?.revision === 2);
  t.equal(mirror.holding(ADDRESS).free, 'no');
  await bus.close();
});
