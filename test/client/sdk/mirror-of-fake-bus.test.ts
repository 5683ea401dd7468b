import t, { type Test } from 'tap';
import type { BusClient, Mirror, MirrorOptions, RecordChange } from '../../../client/sdk/index.js';
import { FakeBus } from '../../../client/sdk/testing.js';
import type { FilterInput, RecordData } from '../../../protocol/index.js';
import { until } from '../../support/until.js';

async function opened(
  t: Test,
  filter: FilterInput = {},
  options: MirrorOptions = {},
): Promise<{ fake: FakeBus; bus: BusClient; mirror: Mirror; hold: (run: string, more?: RecordData) => void }> {
  const fake = new FakeBus();
  const bus = await fake.connect();
  t.teardown(async () => {
    await bus.close();
    fake.stop();
  });
  return {
    fake,
    bus,
    mirror: await bus.mirror(filter, options),
    hold: (run, more = {}) => {
      const expires_at = fake.clock.inFuture(60_000);
      fake.put('reservation', run, { run_id: run, branch: 'main', addresses: ['src/a.py'], expires_at, ...more });
    },
  };
}

t.test('a mirror shows the lease of a reservation in each of its states', async (t) => {
  const { fake, mirror, hold } = await opened(t);
  const stateOf = (id: string): string | undefined => mirror.lease(id)?.state;
  t.equal(stateOf('a'), undefined, 'there is no reservation');
  hold('a');
  await until('it is held', () => stateOf('a') === 'live');
  fake.put('release', 'x', { reservation_id: 'a' });
  await until('it is released', () => stateOf('a') === 'released');
  hold('b');
  await until('another is held', () => stateOf('b') === 'live');
  fake.clock.advance(60_001);
  await until('it has lapsed', () => stateOf('b') === 'lapsed');
  fake.remove('reservation', 'b');
  await until('it is removed', () => stateOf('b') === undefined);
});

t.test('a mirror without leases refuses each question about them', async (t) => {
  const { mirror } = await opened(t, {}, { leases: false });
  for (const ask of [
    () => mirror.holders('a.py'),
    () => mirror.holding('a.py'),
    () => mirror.watchHolding('a.py', {}, () => undefined),
    () => mirror.leases(),
    () => mirror.lease('a'),
    () => mirror.conflicts(),
    () => mirror.onConflict(() => undefined),
  ]) {
    t.throws(ask, { code: 'bad-option', message: /follows no leases/ });
  }
});

t.test('each conflict that begins is reported once, until its watcher is removed', async (t) => {
  const { fake, mirror, hold } = await opened(t);
  const begun: string[] = [];
  const end = mirror.onConflict(({ parties }) => begun.push(parties.map(({ run_id }) => run_id).join(' and ')));
  hold('a');
  hold('b', { branch: 'other' });
  await until('it is reported', () => begun.length > 0);
  fake.put('task', 't', {});
  await until('more has come', () => mirror.get('task', 't') !== undefined);
  t.same([begun, mirror.conflicts().length], [['a and b'], 1]);
  end();
  hold('c', { branch: 'third' });
  await until('the third is known', () => mirror.lease('c') !== undefined);
  t.equal(begun.length, 1);
});

t.test('a mirror whose leases are followed apart shows its records, and counts each lease once', async (t) => {
  const { fake, mirror, hold } = await opened(t, { addresses: ['src/*.py'] });
  const changes: RecordChange[] = [];
  mirror.subscribe((more) => changes.push(...more));
  hold('a');
  hold('b', { addresses: ['docs/b.md'] });
  await until('both are held', () => mirror.leases().length === 2);
  t.same(
    mirror.all('reservation').map(({ id }) => id),
    ['a'],
    'what the filter lets through',
  );
  hold('a', { addresses: ['docs/a.md'] });
  await until('it has left the filter', () => mirror.all('reservation').length === 0);
  t.equal(mirror.leases().length, 2, 'its lease holds');
  fake.remove('reservation', 'a');
  await until('it is removed', () => mirror.leases().length === 1);
  t.same(
    changes.map(({ before, after }) => [before?.id, after?.id]),
    [
      [undefined, 'a'],
      ['a', undefined],
    ],
  );
});

for (const [how, end] of [
  ['that is closed', (mirror: Mirror) => mirror.close()],
  ['that is disposed of', (mirror: Mirror) => mirror[Symbol.asyncDispose]()],
  ['whose client is closed', (_mirror: Mirror, bus: BusClient) => bus.close()],
] as const) {
  t.test(`a mirror ${how} has ended without an error, and changes no more`, async (t) => {
    const errors: unknown[] = [];
    const { fake, bus, mirror } = await opened(t, {}, { onError: (error) => errors.push(error) });
    let calls = 0;
    mirror.subscribe(() => calls++);
    await end(mirror, bus);
    t.equal(await mirror.closed, undefined);
    const { version } = mirror;
    fake.put('task', 't', {});
    await until('it has ended', () => mirror.status.state === 'closed');
    await mirror.close();
    t.same([mirror.status, mirror.version, calls, errors], [{ state: 'closed' }, version, 0, []]);
  });
}

t.test('a mirror whose signal is aborted has ended without an error', async (t) => {
  const abort = new AbortController();
  const { mirror } = await opened(t, {}, { signal: abort.signal });
  abort.abort();
  t.same([await mirror.closed, mirror.status], [undefined, { state: 'closed' }]);
});

t.test('the end of its server does not end a mirror, whose state is then unknown', async (t) => {
  const errors: unknown[] = [];
  const { fake, mirror } = await opened(t, {}, { onError: (error) => errors.push(error) });
  fake.stop();
  await until('its bus is away', () => mirror.status.state !== 'live');
  t.same([mirror.status.state, errors], ['unknown', []]);
});
