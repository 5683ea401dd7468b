import t from 'tap';
import type { JsonValue, RecordData } from '../../../protocol/index.js';
import type { BusEvent } from '../../../client/sdk/index.js';
import { FakeBus } from '../../../client/sdk/testing.js';
import { until } from '../../support/until.js';

t.test('the fake bus delivers as the real one does: snapshot, changes, a cap', async (t) => {
  const fake = new FakeBus();
  fake.put('task', 't1', { title: 'stands' });
  const bus = await fake.connect();
  const seen: string[] = [];
  const subscription = bus.subscribe({ kinds: ['task'] }, { maxEvents: 4 });
  const reading = (async () => {
    for await (const { event_type, id } of subscription) seen.push(`${event_type} ${id}`);
  })();
  await until('the snapshot is in', () => seen.length === 1);
  fake.put('task', 't2', {});
  fake.put('intent', 'i1', {});
  fake.remove('task', 't1');
  fake.corrupt('task', 't2');
  fake.put('task', 't3', {});
  await reading;
  t.same(seen, ['snapshot t1', 'added t2', 'removed t1', 'modified t2']);
  t.same(await subscription.done, { reason: 'max_events', delivered: 4 });
  fake.stop();
});

t.test('advancing the clock lapses leases, to the millisecond', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const mirror = await bus.mirror();
  fake.put('reservation', 'r1', {
    run_id: 'agent-1',
    addresses: ['src/a.py::f'],
    expires_at: fake.clock.inFuture(1_000),
  });
  await until('it is held', () => mirror.holders('src/a.py::f').length === 1);
  fake.clock.advance(999);
  t.equal(mirror.holders('src/a.py::f').length, 1);
  const free = mirror.whenFree('src/a.py::f');
  fake.clock.advance(2);
  await free;
  t.same(mirror.holders('src/a.py::f'), []);
  fake.stop();
});

t.test('a dropped connection is made again, and nothing is missed', async (t) => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  const seen: BusEvent[] = [];
  const subscription = bus.subscribe();
  void (async () => {
    for await (const event of subscription) seen.push(event);
  })();
  fake.put('claim', 'c1', {});
  await until('the first is in', () => seen.length === 1);
  fake.drop();
  t.equal(bus.status.state, 'connecting');
  fake.put('claim', 'c2', {});
  fake.clock.advance(1);
  await until('the second is in', () => seen.length === 2);
  t.same(
    seen.map(({ id, revision }) => [id, revision]),
    [
      ['c1', 1],
      ['c2', 2],
    ],
  );
  t.equal(bus.status.state, 'live');
  fake.stop();
});

t.test('a record that no server would show cannot be put', async (t) => {
  const fake = new FakeBus();
  for (const id of ['', '../t1', 'tasks/t1', '.t1', 'a\nb', 'x'.repeat(257)])
    t.throws(() => fake.put('task', id, {}), { code: 'bad-option' }, JSON.stringify(id.slice(0, 9)));
  t.throws(() => fake.put('task', 'a/b', {}), /"a\/b" is a path: an id is the name of a file, without \.json/);
  t.throws(() => fake.put('tusk' as 'task', 't1', {}), /did you mean task/);
  fake.stop();
});

t.test('a record is read as if it were in a file', async (t) => {
  const fake = new FakeBus();
  const tooDeep = (depth: number): JsonValue => (depth === 0 ? 1 : [tooDeep(depth - 1)]);
  fake.put('task', 'sent', {
    at: new Date(0),
    text: 'cut \ud83d',
    number: NaN,
    left: undefined,
  } as unknown as RecordData);
  fake.put('task', 'deep', { x: tooDeep(40) });
  fake.put('task', 'unsafe', JSON.parse('{"__proto__": 1}') as RecordData);
  fake.put('task', 'large', { x: 'x'.repeat(300_000) });
  const bus = await fake.connect();
  const mirror = await bus.mirror();
  t.strictSame(mirror.get('task', 'sent')?.data, { at: '1970-01-01T00:00:00.000Z', text: 'cut \ufffd', number: null });
  for (const [id, problem] of [
    ['deep', 'too-deep'],
    ['unsafe', 'unsafe-key'],
    ['large', 'too-large'],
  ] as const)
    t.match(mirror.get('task', id), { data: {}, problem });
  await bus.close();
  fake.stop();
});
