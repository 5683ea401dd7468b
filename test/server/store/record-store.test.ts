import t from 'tap';
import { packRecord, revision, unixMillis } from '../../../protocol/index.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { absent, broken, newSignature, NOW, present } from '../../support/changes.js';

const shortly = (events: readonly StoreEvent[]): unknown[] =>
  events.map(({ revision, type, record, reason }) => [
    revision,
    type,
    record.kind,
    record.id,
    record.data,
    reason,
    record.problem,
  ]);

/** A version as the journal gives it back: without its lease. */
const asOnDisk = ({ kind, id, packed, revision, observedAt, signature, problem, followed }: RecordVersion) =>
  RecordVersion.restored(kind, id, packed, revision, observedAt, signature, problem, followed);

t.test('each transition takes the next revision, and a reading without a difference takes none', async (t) => {
  const store = new RecordStore(revision(40));
  const first = present('task', 't1', { n: 1 });
  t.same(shortly(store.apply(first, NOW)), [[41, 'added', 'task', 't1', { n: 1 }, undefined, undefined]]);
  t.same(store.apply(first, NOW), [], 'the same file again');
  t.same(shortly(store.apply(present('task', 't1', { n: 1 }), NOW)), [
    [42, 'modified', 'task', 't1', { n: 1 }, undefined, undefined],
  ]);
  t.same(shortly(store.apply(absent('task', 't1'), NOW)), [
    [43, 'removed', 'task', 't1', { n: 1 }, 'deleted', undefined],
  ]);
  t.same(store.apply(absent('task', 't1'), NOW), []);
  t.equal(store.revision, 43);
  t.equal(store.size, 0);
});

t.test('a reading without a difference leaves the very version that was there', async (t) => {
  const store = new RecordStore();
  const signature = newSignature();
  store.apply(present('task', 't1', { n: 1 }, signature), NOW);
  const version = store.get('task', 't1');
  store.apply(present('task', 't1', { n: 1 }, { ...signature, inode: 0 }), NOW);
  t.equal(store.get('task', 't1'), version, 'some file systems give a file another inode at each look');
  const changed = { ...signature, changedNs: 1n };
  t.same(store.apply(present('task', 't1', { n: 1 }, changed), NOW), []);
  t.equal(store.get('task', 't1')?.signature, changed, 'so that the next comparison need not read it again');
  for (const touched of [
    { ...signature, size: 101 },
    { ...signature, size: 101, mtimeNs: 0n },
  ])
    t.equal(store.apply(present('task', 't1', { n: 1 }, touched), NOW)[0]?.type, 'modified');
});

t.test('records are counted by kind and together', async (t) => {
  const store = new RecordStore();
  for (const id of ['a', 'b', 'c']) store.apply(present('task', id), NOW);
  store.apply(present('claim', 'a'), NOW);
  store.settle();
  store.apply(absent('task', 'b'), NOW);
  t.same([store.size, store.count('task'), store.count('claim'), store.count('intent')], [3, 2, 1, 0]);
  t.same([...store.ids('task')], ['a', 'c']);
});

t.test('a rewrite that keeps time and size is detected by its content', async (t) => {
  const store = new RecordStore();
  const signature = newSignature();
  store.apply(present('task', 't1', { n: 1 }, signature), NOW);
  t.equal(store.apply(present('task', 't1', { n: 2 }, signature), NOW)[0]?.type, 'modified');
  t.same(store.apply(present('task', 't1', { n: 2 }, signature), NOW), []);
});

t.test('records of different kinds with one id are different records', async (t) => {
  const store = new RecordStore();
  store.apply(present('task', 'x'), NOW);
  store.apply(present('claim', 'x'), NOW);
  store.apply(absent('task', 'x'), NOW);
  t.ok(store.get('claim', 'x'));
  t.notOk(store.get('task', 'x'));
});

t.test('a broken file is published once, with the last good data, and again when it is repaired', async (t) => {
  const store = new RecordStore();
  store.apply(present('task', 'known', { n: 1 }), NOW);
  t.same(shortly(store.apply(broken('task', 'known'), NOW)), [
    [2, 'modified', 'task', 'known', { n: 1 }, undefined, 'invalid-json'],
  ]);
  t.same(store.apply(broken('task', 'known'), NOW), []);
  t.same(shortly(store.apply(broken('task', 'known', 'too-large'), NOW)), [
    [3, 'modified', 'task', 'known', { n: 1 }, undefined, 'too-large'],
  ]);
  t.same(shortly(store.apply(broken('task', 'new'), NOW)), [
    [4, 'added', 'task', 'new', {}, undefined, 'invalid-json'],
  ]);
  const healed = present('task', 'known', { n: 1 });
  t.same(shortly(store.apply(healed, NOW)), [[5, 'modified', 'task', 'known', { n: 1 }, undefined, undefined]]);
  t.same(shortly(store.apply(absent('task', 'new'), NOW)), [
    [6, 'removed', 'task', 'new', {}, 'deleted', 'invalid-json'],
  ]);
});

t.test(
  'a file that can be read again is published, though it says what it said and has not been written',
  async (t) => {
    const store = new RecordStore();
    const file = present('task', 't', { n: 1 });
    store.apply(file, NOW);
    const signature = 'signature' in file ? file.signature : undefined;
    store.apply({ is: 'broken', kind: 'task', id: 't', problem: 'unreadable', signature }, NOW);
    t.same(shortly(store.apply(file, NOW)), [[3, 'modified', 'task', 't', { n: 1 }, undefined, undefined]]);
  },
);

t.test('a lease time that cannot be read is a problem of a record that is otherwise taken', async (t) => {
  const store = new RecordStore();
  const bad = present('reservation', 'r1', { expires_at: '2025-02-30T00:00:00Z' });
  t.equal(store.apply(bad, NOW)[0]?.record.problem, 'bad-timestamp');
  t.same(store.apply(bad, NOW), [], 'announced once');
  t.equal(store.apply(present('heartbeat', 'h', { extended_expires_at: 12 }), NOW)[0]?.record.problem, 'bad-timestamp');
  t.equal(store.apply(present('reservation', 'r2', {}), NOW)[0]?.record.problem, 'no-expiry', 'no lease');
  t.equal(
    store.apply(present('task', 't', { expires_at: 'never' }), NOW)[0]?.record.problem,
    undefined,
    'nor is another kind’s',
  );
});

t.test('an expired reservation is published with its record, which stays', async (t) => {
  const store = new RecordStore();
  store.apply(present('reservation', 'r1', { expires_at: new Date(NOW + 1_000).toISOString() }), NOW);
  const [event, ...others] = store.expireUntil(unixMillis(NOW + 1_000));
  t.match(event, { revision: 2, type: 'expired', reason: 'ttl', record: { id: 'r1' } });
  t.same(others, []);
  t.ok(store.get('reservation', 'r1'));
});

t.test('the removal of a reservation causes no expired event', async (t) => {
  const store = new RecordStore();
  store.apply(present('reservation', 'r1', { expires_at: new Date(NOW + 1_000).toISOString() }), NOW);
  store.apply(absent('reservation', 'r1'), NOW);
  t.same(store.expireUntil(unixMillis(NOW + 9_000)), []);
});

t.test('a cut has all records in canonical order, and does not change later', async (t) => {
  const store = new RecordStore();
  for (const [kind, id] of [
    ['task', 'b'],
    ['claim', 'a'],
    ['reservation', 'z'],
    ['task', 'a'],
    ['task', 'B'],
  ] as const) {
    store.apply(present(kind, id), NOW);
  }
  const cut = store.cut();
  t.equal(store.cut(), cut, 'taken once for a revision');
  const list = (): string[] => cut.versions.map(({ kind, id }) => `${kind}/${id}`);
  t.same(list(), ['reservation/z', 'task/B', 'task/a', 'task/b', 'claim/a']);
  store.apply(absent('task', 'a'), NOW);
  store.apply(present('task', 'b', { n: 2 }), NOW);
  t.same(list(), ['reservation/z', 'task/B', 'task/a', 'task/b', 'claim/a']);
  t.equal(cut.revision, 5);
  t.equal(store.cut().versions.length, 4);
});

t.test('events for changes while no server ran are marked as such', async (t) => {
  const store = new RecordStore();
  t.equal(store.apply(present('task', 't1'), NOW, 'restart')[0]?.observed, 'restart');
});

t.test('a store that was restored names the records that cannot be read, until they can', async (t) => {
  const earlier = new RecordStore();
  earlier.apply(present('task', 'good'), NOW);
  earlier.apply(present('heartbeat', 'h', { reservation_id: 'r1' }), NOW);
  earlier.apply(broken('heartbeat', 'h', 'unreadable'), NOW);
  earlier.apply(broken('reservation', 'r1', 'unreadable'), NOW);
  const store = new RecordStore();
  const standing = earlier.cut().versions.map((version) => ({ version, lapsedAt: revision(0) }));
  store.restore(standing, earlier.revision);
  const named = () => [...store.problems].map(({ kind, id, problem }) => [kind, id, problem]).sort();
  t.same(named(), [
    ['heartbeat', 'h', 'unreadable'],
    ['reservation', 'r1', 'unreadable'],
  ]);
  store.apply(present('heartbeat', 'h', { reservation_id: 'r1' }), NOW);
  store.apply(absent('reservation', 'r1'), NOW);
  t.same(named(), []);
});

t.test(
  'a record that is known from elsewhere is no change if its file says the same, and is known by it then',
  async (t) => {
    const version = RecordVersion.restored('task', 'a', packRecord({ n: 1 }), revision(3), NOW, undefined, undefined);
    const store = new RecordStore();
    store.restore([{ version, lapsedAt: revision(0) }], revision(3));
    const file = present('task', 'a', { n: 1 });
    t.same(store.apply(file, NOW, 'restart'), []);
    t.match(store.get('task', 'a'), { revision: 3, signature: 'signature' in file ? file.signature : undefined });
    t.same(store.apply(file, NOW), []);
    t.equal(store.apply(present('task', 'a', { n: 1 }), NOW)[0]?.type, 'modified', 'written again since');
    const other = new RecordStore();
    other.restore([{ version, lapsedAt: revision(0) }], revision(3));
    t.equal(other.apply(present('task', 'a', { n: 2 }), NOW, 'restart')[0]?.type, 'modified');
  },
);

t.test(
  'a store that was restored goes on as the one before would have, whatever order the journal gives',
  async (t) => {
    const at = (seconds: number) => unixMillis(NOW + seconds * 1_000);
    const iso = (seconds: number): string => new Date(at(seconds)).toISOString();
    const earlier = new RecordStore();
    const lapsedAt = new Map<string, StoreEvent['revision']>();
    const apply = (...change: Parameters<RecordStore['apply']>) => earlier.apply(...change);
    apply(present('reservation', 'early', { run_id: 'a', expires_at: iso(5) }), at(0));
    apply(present('reservation', 'revived', { expires_at: iso(5) }), at(0));
    apply(present('reservation', 'open', { run_id: 'a', expires_at: iso(50) }), at(0));
    apply(present('reservation', 'released', { expires_at: iso(50) }), at(0));
    for (const event of earlier.expireUntil(at(5))) lapsedAt.set(event.record.id, event.revision);
    apply(present('heartbeat', 'h', { reservation_id: 'revived', extended_expires_at: iso(60) }), at(6));
    apply(present('release', 'x', { reservation_id: 'released' }), at(7));
    apply(present('heartbeat', 'follows', { reservation_id: 'open' }), at(7));
    const { versions } = earlier.cut();
    const standing = versions.map((version) => ({
      version: asOnDisk(version),
      lapsedAt: lapsedAt.get(version.id) ?? revision(0),
    }));
    const found = (store: RecordStore, seconds: number) =>
      store.cut().versions.map((version) => [version.id, store.leaseAt(version, at(seconds))?.[0]]);
    for (const order of [standing, [...standing].reverse()]) {
      const store = new RecordStore();
      store.restore(order, earlier.revision);
      t.equal(store.revision, earlier.revision);
      t.same(found(store, 8), found(earlier, 8));
      t.equal(store.leases.nextDeadline(), earlier.leases.nextDeadline());
      t.same(
        store.expireUntil(at(70)).map(({ revision, record }) => [revision, record.id]),
        [
          [earlier.revision + 1, 'open'],
          [earlier.revision + 2, 'revived'],
        ],
        'what had ended ends no second time',
      );
      const moves = store.apply(
        present('reservation', 'open', { run_id: 'b', expires_at: iso(99) }),
        at(71),
        'restart',
      );
      t.same(
        moves.map(({ record, observed }) => [record.id, record.followed?.runId, observed]),
        [
          ['open', undefined, 'restart'],
          ['follows', 'b', 'restart'],
        ],
      );
    }
  },
);
