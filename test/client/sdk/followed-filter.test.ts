import t from 'tap';
import { connect, type BusEvent, type FilterInput } from '../../../client/sdk/index.js';
import { FakeBus } from '../../../client/sdk/testing.js';
import { BusServer, type Endpoint } from '../../../server/index.js';
import { Command } from '../../support/command.js';
import { HttpClient } from '../../support/http-client.js';
import { inFuture, reservation } from '../../support/leases.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

const BEAT = { reservation_id: 'r1', run_id: 'agent-1', extended_expires_at: inFuture(600_000) };
const RELEASE = { reservation_id: 'r1', run_id: 'agent-1', reason: 'completed' };
const ON_DEV = { branches: ['dev'] };

const onDev = (more: object = {}) =>
  reservation('agent-1', ['src/a.py'], { reservation_id: 'r1', branch: 'dev', ...more });

/** The events that a filter receives, one line each. */
async function told(fake: FakeBus, filter: FilterInput): Promise<string[]> {
  const bus = await fake.connect();
  const lines: string[] = [];
  const subscription = bus.subscribe(filter);
  let isSynced = false;
  void (async () => {
    for await (const update of subscription.updates()) {
      if (update.type === 'synced') isSynced = true;
      if (update.type !== 'event') continue;
      const { event_type, kind, id, reason } = update.event;
      lines.push(`${event_type} ${kind} ${id}${reason === undefined ? '' : ` ${reason}`}`);
    }
  })();
  await until('it is in step', () => isSynced);
  return lines;
}

async function all(events: AsyncIterable<BusEvent>): Promise<BusEvent[]> {
  const found: BusEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

/** Waits until everything so far has been received. */
async function settled(fake: FakeBus): Promise<void> {
  const bus = await fake.connect();
  await bus.sync();
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
  await bus.close();
}

t.test('a heartbeat and a release without a branch have that of the reservation they name', async (t) => {
  const fake = new FakeBus();
  const [dev, main, everyone] = [
    await told(fake, ON_DEV),
    await told(fake, { branches: ['main'] }),
    await told(fake, {}),
  ];
  fake.put('reservation', 'r1', onDev());
  fake.put('heartbeat', 'b1', { ...BEAT, branch: '' });
  fake.put('release', 'x1', RELEASE);
  fake.remove('heartbeat', 'b1');
  await settled(fake);
  const expected = ['added reservation r1', 'added heartbeat b1', 'added release x1', 'removed heartbeat b1 deleted'];
  t.same(dev, expected);
  t.same(everyone, expected);
  t.same(main, []);
  t.same(await told(fake, ON_DEV), ['snapshot reservation r1', 'snapshot release x1'], 'in a snapshot, too');
  fake.stop();
});

t.test('a branch or a run of its own counts, whatever the reservation says', async (t) => {
  const fake = new FakeBus();
  const [dev, run] = [await told(fake, ON_DEV), await told(fake, { run_ids: ['agent-1'] })];
  fake.put('reservation', 'r1', onDev());
  fake.put('heartbeat', 'b1', { ...BEAT, branch: 'main' });
  fake.put('heartbeat', 'b2', { ...BEAT, run_id: '' });
  fake.put('heartbeat', 'b3', { ...BEAT, run_id: 'agent-2' });
  await settled(fake);
  t.same(dev, ['added reservation r1', 'added heartbeat b2', 'added heartbeat b3']);
  t.same(run, ['added reservation r1', 'added heartbeat b1', 'added heartbeat b2']);
  fake.stop();
});

t.test(
  'a release that is read before its reservation comes into the filter with it, and nobody else is told twice',
  async (t) => {
    const fake = new FakeBus();
    const [dev, everyone] = [await told(fake, ON_DEV), await told(fake, {})];
    fake.put('release', 'x1', RELEASE);
    fake.put('reservation', 'r1', onDev());
    await settled(fake);
    t.same(dev, ['added reservation r1', 'added release x1']);
    t.same(everyone, ['added release x1', 'added reservation r1']);
    fake.stop();
  },
);

t.test(
  'a reservation that is removed first takes nothing out of the filter, and what follows it is still told',
  async (t) => {
    const fake = new FakeBus();
    const dev = await told(fake, ON_DEV);
    fake.put('reservation', 'r1', onDev());
    fake.put('heartbeat', 'b1', BEAT);
    fake.remove('reservation', 'r1');
    fake.put('heartbeat', 'b1', { ...BEAT, extended_expires_at: inFuture(900_000) });
    fake.remove('heartbeat', 'b1');
    await settled(fake);
    t.same(dev.slice(2), ['removed reservation r1 deleted', 'modified heartbeat b1', 'removed heartbeat b1 deleted']);
    fake.stop();
  },
);

t.test(
  'a reservation that changes its branch takes its heartbeats along, out of one filter and into another',
  async (t) => {
    const fake = new FakeBus();
    const [dev, main, everyone] = [
      await told(fake, ON_DEV),
      await told(fake, { branches: ['main'] }),
      await told(fake, {}),
    ];
    fake.put('reservation', 'r1', onDev());
    fake.put('heartbeat', 'b1', BEAT);
    fake.put('reservation', 'r1', onDev({ branch: 'main' }));
    await settled(fake);
    t.same(dev.slice(2), ['removed reservation r1 left-filter', 'removed heartbeat b1 left-filter']);
    t.same(main, ['added reservation r1', 'added heartbeat b1']);
    t.same(everyone, ['added reservation r1', 'added heartbeat b1', 'modified reservation r1']);
    fake.stop();
  },
);

t.test('a mirror with a branch shows the same, in any order', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const mirror = await bus.mirror(ON_DEV);
  const seen: string[] = [];
  mirror.subscribe((changes) => {
    for (const { before, after } of changes)
      seen.push(`${before ? 'was' : '-'} ${after ? 'is' : '-'} ${(after ?? before)!.id}`);
  });
  fake.put('release', 'x1', RELEASE);
  await settled(fake);
  t.same(mirror.all('release'), []);
  fake.put('reservation', 'r1', onDev());
  await until('it is shown', () => mirror.get('release', 'x1') !== undefined);
  fake.remove('reservation', 'r1');
  fake.remove('release', 'x1');
  await until('all is gone', () => seen.length === 4);
  t.same(seen, ['- is r1', '- is x1', 'was - r1', 'was - x1']);
  fake.stop();
});

t.test('CLI, HTTP and a server that was started again answer alike', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  repository.rename('heartbeat', 'b1', BEAT);
  repository.rename('release', 'x1', { ...RELEASE, reservation_id: 'r2' });
  repository.rename('reservation', 'r1', onDev());
  repository.rename('reservation', 'r2', onDev({ reservation_id: 'r2', branch: 'main' }));
  const next = new BusServer({ root: repository.root, port: 0 });
  t.teardown(() => next.stop());
  const ask = async (endpoint: Endpoint): Promise<Record<string, string[]>> => {
    const client = new HttpClient(endpoint);
    const records = (await (await client.get('/records?branch=dev')).json()) as BusEvent[];
    const get = Command.museBus(['get', 'heartbeat', '--branch', 'dev', '--root', repository.root, '--json']);
    const watch = Command.museBus(['watch', '--once', '--json', '--branch', 'dev', '--root', repository.root]);
    await Promise.all([get.exit, watch.exit]);
    return {
      http: records.map(({ id }) => id),
      get: get.json<BusEvent>().map(({ id }) => id),
      watch: watch.json<BusEvent>().map(({ id }) => id),
    };
  };
  const expected = { http: ['r1', 'b1'], get: ['b1'], watch: ['r1', 'b1'] };
  t.same(await ask(await repository.start()), expected);
  await using bus = await connect({ root: repository.root });
  const { cursor } = (await all(bus.subscribe(ON_DEV).take(2))).at(-1)!;
  repository.remove('reservation', 'r1');
  await bus.sync();
  repository.rename('heartbeat', 'b1', { ...BEAT, extended_expires_at: inFuture(900_000) });
  await bus.sync();
  await bus.close();
  await repository.server.stop();
  t.same(await ask(await next.start()), { http: ['b1'], get: ['b1'], watch: ['b1'] }, 'though the reservation is gone');
  await using again = await connect({ root: repository.root });
  const replayed = await all(again.subscribe(ON_DEV, { since: cursor }).take(2));
  t.match(replayed, [
    { event_type: 'removed', kind: 'reservation' },
    { event_type: 'modified', kind: 'heartbeat' },
  ]);
});
