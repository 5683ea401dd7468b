import t from 'tap';
import { compileFilter, revision, unixMillis, unpackMessage, type Encoding } from '../../../protocol/index.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { StoreEvent, type View } from '../../../server/store/store-event.js';
import { absent, broken, NOW, present } from '../../support/changes.js';

const later = unixMillis(NOW + 10_000);
const inRun = (run: string) => compileFilter({ run_ids: [run] });
const lease = (run: string) => present('reservation', 'r', { run_id: run, expires_at: new Date(later).toISOString() });

const decoded = (event: StoreEvent, view: View, encoding: Encoding): unknown[] => {
  const bytes = event.encoded(view, encoding);
  return (encoding === 'json' ? JSON.parse(Buffer.from(bytes).toString()) : unpackMessage(bytes)) as unknown[];
};

t.test('who asks for a run sees each event of its records, and none of another run', async (t) => {
  const store = new RecordStore();
  const added = store.apply(lease('a'), NOW);
  const expired = store.expireUntil(later);
  const beat = present('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: '2099-01-01T00:00:00Z' });
  const revived = store.apply(beat, later);
  const moved = store.apply(lease('b'), later);
  const removed = store.apply(absent('reservation', 'r'), later);
  const seen = [added, expired, revived, moved, removed]
    .flat()
    .map((event) => [event.type, event.record.kind, ...['a', 'b', 'c'].map((run) => event.viewFor(inRun(run)))]);
  t.same(seen, [
    ['added', 'reservation', 'plain', undefined, undefined],
    ['expired', 'reservation', 'plain', undefined, undefined],
    ['added', 'heartbeat', 'plain', undefined, undefined],
    ['revived', 'reservation', 'plain', undefined, undefined],
    ['modified', 'reservation', 'left', 'entered', undefined],
    ['modified', 'heartbeat', 'left', 'entered', undefined],
    ['removed', 'reservation', undefined, 'plain', undefined],
  ]);
});

t.test(
  'a heartbeat that only follows its reservation elsewhere is no event for who sees it before and after',
  async (t) => {
    const store = new RecordStore();
    store.apply(lease('a'), NOW);
    store.apply(present('heartbeat', 'h', { reservation_id: 'r' }), NOW);
    const [reservation, heartbeat] = store.apply(lease('b'), NOW);
    t.match(heartbeat, { revision: 4, type: 'modified', record: { kind: 'heartbeat', id: 'h', revision: 4 } });
    t.same(heartbeat!.lease, ['live', later, null, 'r'], 'it says the lease that it names');
    for (const filter of [{}, { run_ids: ['a', 'b'] }]) {
      t.equal(reservation!.viewFor(compileFilter(filter)), 'plain');
      t.equal(heartbeat!.viewFor(compileFilter(filter)), undefined);
    }
    const [written] = store.apply(present('heartbeat', 'h', { reservation_id: 'r', n: 2 }), NOW);
    t.equal(written!.viewFor(compileFilter({})), 'plain');
  },
);

t.test('an event that leaves a filter shows the record that was in it, with the problem that it had', async (t) => {
  const store = new RecordStore();
  store.apply(present('task', 't', { run_id: 'a' }), NOW);
  const [bad] = store.apply(broken('task', 't', 'link'), NOW);
  const [healed] = store.apply(present('task', 't', { run_id: 'b' }), later, 'restart');
  t.same(decoded(bad!, 'plain', 'json').slice(5), [{ run_id: 'a' }, null, 'link']);
  t.same(decoded(healed!, 'left', 'json'), [3, 3, 4, 't', later, { run_id: 'a' }, 'left-filter', 'link', 'restart']);
  t.same(decoded(healed!, 'entered', 'json'), [3, 1, 4, 't', later, { run_id: 'b' }, null, null, 'restart']);
});

t.test(
  'an event of which a filter cannot say whether it is wanted is sent with a problem, and the error is kept',
  async (t) => {
    const [event] = new RecordStore().apply(present('task', 't', { n: 1 }), NOW);
    const fault = new Error('planted');
    const matches = (): never => {
      throw fault;
    };
    t.equal(event!.viewFor({ ...compileFilter({}), matches }), 'unproven');
    t.equal(event!.fault, fault);
    t.same(decoded(event!, 'unproven', 'msgpack'), [1, 1, 4, 't', NOW, { n: 1 }, null, 'unprocessable']);
    t.same(decoded(event!, 'plain', 'json'), [1, 1, 4, 't', NOW, { n: 1 }], 'others see it as it is');
  },
);

t.test('a record that cannot be encoded is sent with empty data and a problem, instead of not at all', async (t) => {
  // A map of one entry that is not there: no reader makes such bytes.
  const cut = Uint8Array.of(0x81);
  const version = RecordVersion.restored('task', 't', cut, revision(7), NOW, undefined, undefined);
  const event = new StoreEvent(revision(7), 'added', NOW, undefined, version);
  t.same(decoded(event, 'plain', 'json'), [7, 1, 4, 't', NOW, {}, null, 'unprocessable']);
  t.ok(event.fault instanceof Error);
});

t.test('an event weighs twice the bytes of its record, and what an object takes', async (t) => {
  const weigh = (n: number): number =>
    new RecordStore().apply(present('task', 't', { n: 'x'.repeat(n) }), NOW)[0]!.weight;
  t.equal(weigh(2_000) - weigh(1_000), 2_000);
  t.ok(weigh(0) >= 256);
});
