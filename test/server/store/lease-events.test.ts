import t from 'tap';
import {
  compileFilter,
  EVERYTHING,
  revision,
  unixMillis,
  unpackMessage,
  type Kind,
  type UnixMillis,
} from '../../../protocol/index.js';
import { decodeHistoryEntry, encodeHistoryEntry } from '../../../server/journal/entries.js';
import { eventOf, encodeEventMessage } from '../../../server/relay/relay-message.js';
import { decodeRelayMessage } from '../../../server/relay/read-relay-message.js';
import type { CurrentRecords } from '../../../server/store/current-records.js';
import { RecordReplica } from '../../../server/store/record-replica.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { absent, NOW, present } from '../../support/changes.js';
import { epoch } from '../../../protocol/index.js';

const at = (seconds: number) => unixMillis(NOW + seconds * 1_000);
const iso = (seconds: number): string => new Date(at(seconds)).toISOString();
const reservation = (expires = 10) =>
  present('reservation', 'r1', { reservation_id: 'lease-1', expires_at: iso(expires) });
const beat = (until: number) =>
  present('heartbeat', 'h1', { reservation_id: 'lease-1', extended_expires_at: iso(until) });
const release = present('release', 'x1', { reservation_id: 'lease-1' });

const shortly = (events: readonly StoreEvent[]): unknown[] =>
  events.map(({ revision, type, record, reason, lease }) => [revision, type, record.kind, reason, lease]);

t.test('every event of a reservation, a heartbeat and a release carries the lease after it', async (t) => {
  const store = new RecordStore();
  t.same(shortly(store.apply(reservation(), NOW)), [[1, 'added', 'reservation', undefined, ['live', at(10), null]]]);
  t.same(shortly(store.apply(beat(30), at(1))), [[2, 'added', 'heartbeat', undefined, ['live', at(30), 'h1', 'r1']]]);
  t.same(shortly(store.apply(release, at(2))), [[3, 'added', 'release', undefined, ['released', at(30), 'h1', 'r1']]]);
  t.same(shortly(store.apply(present('task', 't', {}), at(3))), [[4, 'added', 'task', undefined, undefined]]);
  t.same(shortly(store.apply(absent('reservation', 'r1'), at(4))), [
    [5, 'removed', 'reservation', 'deleted', undefined],
  ]);
  t.same(shortly(store.apply(absent('heartbeat', 'h1'), at(4))), [[6, 'removed', 'heartbeat', 'deleted', undefined]]);
});

t.test(
  'a heartbeat that extends an expired lease revives it, as an event of the reservation, and it can expire again',
  async (t) => {
    const store = new RecordStore();
    store.apply(reservation(), NOW);
    t.same(shortly(store.expireUntil(at(10))), [[2, 'expired', 'reservation', 'ttl', ['lapsed', at(10), null]]]);
    t.same(shortly(store.apply(beat(30), at(12))), [
      [3, 'added', 'heartbeat', undefined, ['live', at(30), 'h1', 'r1']],
      [4, 'revived', 'reservation', undefined, ['live', at(30), 'h1']],
    ]);
    t.same(
      shortly(store.apply(beat(40), at(13))),
      [[5, 'modified', 'heartbeat', undefined, ['live', at(40), 'h1', 'r1']]],
      'a live lease is not revived',
    );
    t.same(shortly(store.expireUntil(at(40))), [[6, 'expired', 'reservation', 'ttl', ['lapsed', at(40), 'h1']]]);
  },
);

t.test('a record that is told again is modified, and changes no lease', async (t) => {
  const store = new RecordStore();
  for (const change of [reservation(), beat(30)]) store.apply(change, NOW);
  const tell = (kind: Kind, id: string, time: UnixMillis): unknown[] => shortly(store.republish(kind, id, time));
  t.same(tell('heartbeat', 'h1', at(20)), [[3, 'modified', 'heartbeat', undefined, ['live', at(30), 'h1', 'r1']]]);
  store.expireUntil(at(30));
  t.same(tell('reservation', 'r1', at(31)), [[5, 'modified', 'reservation', undefined, ['lapsed', at(30), 'h1']]]);
  t.same(store.expireUntil(at(32)), []);
  t.same(tell('task', 'gone', NOW), []);
});

t.test('removing a release revives its lease if the end is in the future, and no other lease', async (t) => {
  const store = new RecordStore();
  store.apply(reservation(), NOW);
  store.apply(release, at(1));
  t.same(shortly(store.apply(absent('release', 'x1'), at(2))), [
    [3, 'removed', 'release', 'deleted', ['live', at(10), null, 'r1']],
    [4, 'revived', 'reservation', undefined, ['live', at(10), null]],
  ]);
  store.apply(release, at(3));
  t.same(shortly(store.apply(absent('release', 'x1'), at(11))), [
    [6, 'removed', 'release', 'deleted', ['lapsed', at(10), null, 'r1']],
  ]);
});

t.test(
  'one heartbeat can revive several leases of its name, in the order of their ids, and tells the first',
  async (t) => {
    for (const ids of ['abc', 'cab', 'bca', 'cba']) {
      const store = new RecordStore();
      // One of them has not ended.
      for (const id of ids)
        store.apply(
          present('reservation', id, { reservation_id: 'lease-1', expires_at: iso(id === 'b' ? 99 : 10) }),
          NOW,
        );
      store.expireUntil(at(10));
      t.same(shortly(store.apply(beat(120), at(12))), [
        [6, 'added', 'heartbeat', undefined, ['live', at(120), 'h1', 'a']],
        [7, 'revived', 'reservation', undefined, ['live', at(120), 'h1']],
        [8, 'revived', 'reservation', undefined, ['live', at(120), 'h1']],
      ]);
      t.same(
        store.cut().versions.map(({ id }) => id),
        ['a', 'b', 'c', 'h1'],
      );
    }
  },
);

t.test('a lease whose end has passed without an expired event is unknown, not lapsed', async (t) => {
  const store = new RecordStore();
  store.apply(reservation(), NOW);
  t.same(store.leaseAt(store.get('reservation', 'r1')!, at(11)), ['unknown', at(10), null]);
  store.expireUntil(at(11));
  t.same(store.leaseAt(store.get('reservation', 'r1')!, at(11)), ['lapsed', at(10), null]);
});

t.test('a cut has the leases of its revision', async (t) => {
  const store = new RecordStore();
  store.apply(reservation(), NOW);
  const [before] = store.cut().versions;
  store.apply(release, at(1));
  const [after] = store.cut().versions;
  t.equal(store.leaseAt(before!, at(2))![0], 'live');
  t.equal(store.leaseAt(after!, at(2))![0], 'released');
  t.equal(after!.revision, 1, 'the reservation itself has not changed');
});

t.test('an event with a lease is the same in both encodings, from the journal, and behind an edge', async (t) => {
  const store = new RecordStore();
  const edge = new RecordReplica([], revision(0), NOW);
  const past = present('reservation', 'r2', { expires_at: '1969-01-01T00:00:00Z' });
  const endless = present('reservation', 'r3', {});
  const ends = [
    [reservation(), 0],
    [past, 1],
    [beat(30), 12],
    [release, 13],
    [absent('release', 'x1'), 14],
    [endless, 14],
  ] as const;
  const events = ends.flatMap(([change, seconds], i) => [
    ...store.apply(change, at(seconds)),
    ...(i === 1 ? store.expireUntil(at(10)) : []),
  ]);
  t.same(
    events.map(({ type }) => type),
    ['added', 'added', 'expired', 'added', 'revived', 'added', 'removed', 'revived', 'added'],
  );
  for (const event of events) {
    const packed = unpackMessage(event.encoded('plain', 'msgpack')) as unknown[];
    const json: unknown = JSON.parse(Buffer.from(event.encoded('plain', 'json')).toString());
    t.strictSame(packed, json);
    t.strictSame(packed[9], event.lease);
    const recovered = decodeHistoryEntry(encodeHistoryEntry(event), new Map());
    t.strictSame(unpackMessage(recovered.encoded('plain', 'msgpack')), packed, 'from the journal');
    const message = decodeRelayMessage(encodeEventMessage({ origin: 'o', epoch: epoch('e') }, event));
    if (message.is !== 'event') throw new Error(message.is);
    const { kind, id } = event.record;
    const followed = eventOf(message, edge.get(kind, id));
    edge.follow(followed);
    t.strictSame(unpackMessage(followed.encoded('plain', 'msgpack')), packed, 'behind an edge');
  }
  const late = new RecordReplica(store.cut().versions, store.revision, at(14));
  const shown = (of: CurrentRecords) => of.cut().versions.map((version) => of.leaseAt(version, at(14)));
  t.strictSame(shown(edge), shown(store), 'and in the snapshots of the edge');
  t.strictSame(shown(late), shown(store), 'one that comes later shows the same');
});

t.test('a filter by type matches revived', async (t) => {
  const store = new RecordStore();
  store.apply(reservation(), NOW);
  store.expireUntil(at(10));
  const [, revived] = store.apply(beat(30), at(12));
  t.equal(revived!.viewFor(compileFilter(EVERYTHING)), 'plain');
  t.equal(revived!.viewFor(compileFilter({ ...EVERYTHING, event_types: ['revived'] })), 'plain');
  t.equal(revived!.viewFor(compileFilter({ ...EVERYTHING, event_types: ['added'] })), undefined);
});
