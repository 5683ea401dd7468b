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
  t.same([history.base, history.newest, history.size], [10, 10, 0]);
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
  }, RangeError);
  history.append(first!);
  t.throws(() => {
    history.append(first!);
  }, RangeError);
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
