import t from 'tap';
import { unixMillis } from '../../../protocol/index.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { standingAfter, standingAfterAll, type Standing } from '../../../server/store/standing.js';
import { absent, NOW, present } from '../../support/changes.js';

const later = unixMillis(NOW + 10_000);
const lease = present('reservation', 'x', { expires_at: new Date(later).toISOString() });

const shortly = ({ version: { kind, id, data }, lapsedAt }: Standing): unknown[] => [kind, id, data['n'], lapsedAt];

t.test('a record stands as its last event left it, with the revision at which its lease ran out', async (t) => {
  const store = new RecordStore();
  const events = [
    ...store.apply(lease, NOW),
    ...store.expireUntil(later),
    ...store.apply(present('task', 'x', { n: 1 }), later),
    ...store.apply(absent('task', 'x'), later),
  ];
  t.same(
    events.map((event) => {
      const standing = standingAfter(event);
      return standing && shortly(standing);
    }),
    [['reservation', 'x', undefined, 0], ['reservation', 'x', undefined, 2], ['task', 'x', 1, 0], undefined],
  );
});

t.test('what stood before and is not touched by the events that follow stands as it did', async (t) => {
  const store = new RecordStore();
  const before = [
    ...store.apply(lease, NOW),
    ...store.apply(present('task', 'x', { n: 1 }), NOW),
    ...store.apply(present('task', 'y', { n: 1 }), NOW),
    ...store.apply(present('claim', 'y', { n: 1 }), NOW),
  ].map((event) => standingAfter(event)!);
  const events = [
    ...store.expireUntil(later),
    ...store.apply(absent('task', 'y'), later),
    ...store.apply(present('task', 'z', { n: 1 }), later),
    ...store.apply(present('task', 'z', { n: 2 }), later),
  ];
  t.same(standingAfterAll(before, events).map(shortly), [
    ['reservation', 'x', undefined, 5],
    ['task', 'x', 1, 0],
    ['claim', 'y', 1, 0],
    ['task', 'z', 2, 0],
  ]);
  t.same(standingAfterAll(before, []), before);
});
