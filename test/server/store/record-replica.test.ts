import t from 'tap';
import { revision, unixMillis } from '../../../protocol/index.js';
import type { CurrentRecords } from '../../../server/store/current-records.js';
import { RecordReplica } from '../../../server/store/record-replica.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { absent, broken, NOW, present } from '../../support/changes.js';

type Own<Records extends CurrentRecords> = Exclude<keyof Records, keyof CurrentRecords>;

const named = (records: CurrentRecords): string[] =>
  records.cut().versions.map(({ kind, id, problem = 'good' }) => `${kind}/${id} ${problem}`);

t.test('a replica only follows: what makes events and ends leases is the store’s', async (t) => {
  // By types: whoever adds a method to one of them says so here.
  const ofStore: Record<Own<RecordStore>, true> = {
    apply: true,
    expireUntil: true,
    leases: true,
    republish: true,
    restore: true,
  };
  const ofReplica: Record<Own<RecordReplica>, true> = { skip: true, follow: true };
  const methods = (of: object): string[] => Object.getOwnPropertyNames(of).filter((name) => name !== 'constructor');
  t.same(methods(RecordStore.prototype).sort(), Object.keys(ofStore));
  t.same(methods(RecordReplica.prototype), Object.keys(ofReplica));
});

t.test('a replica begins with the records of another store and then shows what it shows', async (t) => {
  const store = new RecordStore();
  store.apply(present('task', 't1', { n: 1 }), NOW);
  store.apply(broken('task', 't2'), NOW);
  const replica = new RecordReplica(store.cut().versions, store.revision, NOW);
  t.same(named(replica), ['task/t1 good', 'task/t2 invalid-json']);
  t.equal(replica.revision, 2);
  const changes = [present('task', 't2'), absent('task', 't1'), broken('claim', 'c'), broken('task', 't3', 'link')];
  for (const event of changes.flatMap((change) => store.apply(change, NOW))) replica.follow(event);
  t.same(named(replica), named(store));
  t.equal(replica.revision, store.revision);
  t.same(
    [...replica.problems].map(({ id }) => id),
    ['c', 't3'],
  );
  t.same(named(new RecordReplica([], revision(7), NOW)), []);
});

t.test('at an edge a lease ends, and goes on, when the origin says so and not before', async (t) => {
  const end = unixMillis(NOW + 10_000);
  const later = unixMillis(end + 5_000);
  const store = new RecordStore();
  const lease = present('reservation', 'r', { expires_at: new Date(end).toISOString() });
  const replica = new RecordReplica([], revision(0), NOW);
  const state = (records: CurrentRecords) => records.leaseAt(records.cut().versions[0]!, later)?.[0];
  const follow = (events: ReturnType<RecordStore['apply']>): unknown => {
    for (const event of events) replica.follow(event);
    return [state(replica), replica.revision];
  };
  t.same(follow(store.apply(lease, NOW)), ['unknown', 1], 'its end has passed, but a heartbeat may be on the way');
  t.same(follow(store.apply(present('task', 't'), NOW)), ['unknown', 2]);
  t.same(follow(store.expireUntil(later)), ['lapsed', 3]);
  const beat = present('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: '2099-01-01T00:00:00Z' });
  t.same(follow(store.apply(beat, later)), ['live', 5]);
  t.same(follow(store.apply(absent('heartbeat', 'h'), later)), ['unknown', 6]);
  t.same(follow(store.expireUntil(later)), ['lapsed', 7]);
  const sent = store
    .cut()
    .versions.map(({ kind, id, packed, revision: at, observedAt }) =>
      RecordVersion.restored(kind, id, packed, at, observedAt, undefined, undefined),
    );
  t.equal(state(new RecordReplica(sent, store.revision, later)), 'lapsed', 'one that begins with the records');
  replica.skip(revision(20));
  t.equal(replica.cut().revision, 20, 'what an origin never said is passed over');
});
