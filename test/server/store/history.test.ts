import t from 'tap';
import { revision } from '../../../protocol/index.js';
import { History } from '../../../server/store/history.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { NOW, present } from '../../support/changes.js';

/** Events with revisions from `start` + 1 on. */
function events(count: number, start = 0, padding = ''): StoreEvent[] {
  const store = new RecordStore(revision(start));
  return Array.from({ length: count }, (_, n) => store.apply(present('task', String(n), { padding }), NOW)[0]!);
}

t.test('history holds its last events, by revision', async (t) => {
  const history = new History({ maxHistoryEvents: 3, maxHistoryBytes: 1_000_000 }, revision(10));
  t.same([history.base, history.newest, history.size, history.bytes, history.gaps], [10, 10, 0, 0, []]);
  for (const event of events(5, 10)) history.append(event);
  t.same([history.base, history.newest, history.size], [12, 15, 3]);
  t.same(
    [13, 14, 15].map((position) => history.at(position).revision),
    [13, 14, 15],
  );
  for (const position of [0, 10, 12, 16, 13.5]) t.throws(() => history.at(position), RangeError, String(position));
});

t.test('an event that does not follow the last one is refused', async (t) => {
  const history = new History({ maxHistoryEvents: 3, maxHistoryBytes: 1_000_000 }, revision(0));
  const [first, second] = events(2);
  t.throws(() => {
    history.append(second!);
  }, /the next revision of the history is 1, not 2/);
  history.append(first!);
  t.throws(() => {
    history.append(first!);
  }, /the next revision of the history is 2, not 1/);
});

t.test('the history is limited in events and in bytes, but the newest event always stays', async (t) => {
  const made = events(10, 0, 'x'.repeat(1_000));
  const history = new History({ maxHistoryEvents: 100, maxHistoryBytes: 3 * made[0]!.weight }, revision(0));
  for (const event of made) history.append(event);
  t.equal(history.size, 3);
  t.ok(history.bytes <= 3 * made[0]!.weight);
  const tiny = new History({ maxHistoryEvents: 100, maxHistoryBytes: 1 }, revision(0));
  for (const event of made) tiny.append(event);
  t.same([tiny.base, tiny.newest, tiny.at(10).revision], [9, 10, 10]);
});

t.test('revisions of which nothing is known are passed over, and no client goes on from inside of them', async (t) => {
  const history = new History({ maxHistoryEvents: 20, maxHistoryBytes: 1_000_000 }, revision(0));
  for (const event of events(3)) history.append(event);
  history.skip(revision(8));
  history.skip(revision(9));
  for (const event of events(2, 9)) history.append(event);
  t.same([history.base, history.newest, history.size], [0, 11, 5]);
  t.same(
    [...history.events()].map((event) => event.revision),
    [1, 2, 3, 10, 11],
  );
  t.same(
    [3, 8, 9, 10].map((position) => history.after(position)?.revision),
    [10, 10, 10, 11],
  );
  t.equal(history.after(11), undefined);
  t.same(
    [3, 4, 8, 9, 10, 11].map((position) => history.find(position)?.revision),
    [3, undefined, undefined, undefined, 10, 11],
  );
  t.same(
    [0, 3, 9, 10, 11].map((position) => history.countAfter(position)),
    [5, 2, 2, 1, 0],
  );
  t.same(
    [history.gapAfter(3), history.gapAfter(8)],
    [
      { after: 3, to: 8 },
      { after: 8, to: 9 },
    ],
  );
  t.same([history.gapAfter(2), history.gapAfter(9)], [undefined, undefined]);
  t.throws(() => history.after(5), RangeError);
  t.same(
    [2, 3, 4, 7, 8, 9, 10].filter((position) => history.isLost(position)),
    [4, 7],
    'a client that was at 3 goes on after 9',
  );
  t.throws(() => {
    history.skip(revision(11));
  }, RangeError);
});

t.test('a gap takes no room, and goes with the events before it', async (t) => {
  const history = new History({ maxHistoryEvents: 4, maxHistoryBytes: 1_000_000 }, revision(0));
  const revisions = (): number[] => [...history.events()].map((event) => event.revision);
  for (const event of events(5)) history.append(event);
  history.skip(revision(1_000));
  t.same([history.base, history.size, history.gaps], [1, 4, [{ after: 5, to: 1_000 }]]);
  const made = events(9, 1_000);
  for (const event of made.slice(0, 3)) history.append(event);
  t.same(revisions(), [5, 1_001, 1_002, 1_003]);
  history.append(made[3]!);
  t.same(revisions(), [1_001, 1_002, 1_003, 1_004]);
  t.same([history.base, history.gaps.length], [5, 1], 'who was before the gap can still go on');
  for (const event of made.slice(4)) history.append(event);
  t.same(revisions(), [1_006, 1_007, 1_008, 1_009]);
  t.same([history.base, history.gaps, history.size], [1_005, [], 4]);
  t.equal(
    history.bytes,
    made.slice(5).reduce((sum, event) => sum + event.weight, 0),
  );
  t.equal(history.find(500), undefined);
});
