import t from 'tap';
import { PendingHints } from '../../../server/watch/pending-hints.js';
import { ManualClock } from '../../support/manual-clock.js';

const BURST = 1_000;

t.test(
  'each name waits once, in the order of its first hint, and one that is hinted while it is read comes again',
  async (t) => {
    const hints = new PendingHints(new ManualClock());
    for (const id of ['a', 'b', 'a']) hints.add('task', id);
    hints.add('claim', 'a');
    t.equal(hints.size, 3);
    const taken: string[] = [];
    for (const { kind, id } of hints.take()) {
      if (taken.length === 1) hints.add('task', 'a');
      taken.push(`${kind} ${id}`);
    }
    t.same(taken, ['task a', 'task b', 'claim a', 'task a']);
    t.equal(hints.size, 0);
  },
);

t.test('hints are numbered, so that it is known when all before a moment have been read', async (t) => {
  const hints = new PendingHints(new ManualClock());
  t.equal(hints.next, Infinity, 'none waits');
  hints.add('task', 'a');
  hints.add('task', 'b');
  hints.add('task', 'a');
  t.equal(hints.last, 2, 'a name that waits already is no further hint');
  t.equal(hints.next, 1);
  hints.delete('task', 'a');
  t.equal(hints.next, 2);
  hints.add('task', 'a');
  t.same([hints.next, hints.last], [2, 3]);
  hints.clear();
  t.same([hints.next, hints.last, hints.size], [Infinity, 3, 0]);
});

t.test('the latency of a turn counts from the first hint since the last one that told', async (t) => {
  const clock = new ManualClock();
  const hints = new PendingHints(clock);
  t.equal(hints.hintedAt, undefined);
  const first = clock.elapsed();
  hints.add('task', 'a');
  clock.advance(5);
  hints.add('task', 'b');
  t.equal(hints.hintedAt, first);
  hints.published();
  t.equal(hints.hintedAt, undefined);
  hints.add('task', 'a');
  t.equal(hints.hintedAt, first + 5);
});

t.test('a thousand notifications between two turns are a burst, which is reported once', async (t) => {
  const hints = new PendingHints(new ManualClock());
  const notified = (times: number): number =>
    Array.from({ length: times }, () => hints.notified()).filter(Boolean).length;
  t.equal(notified(BURST - 1), 0);
  hints.turnBegins();
  t.equal(notified(BURST - 1), 0, 'each turn counts for itself');
  t.notOk(hints.hasBurst);
  t.equal(notified(1), 1);
  t.equal(notified(BURST), 0, 'one turn is requested for it');
  hints.turnBegins();
  t.ok(hints.hasBurst, 'until it has been read');
  t.same([hints.takeBurst(), hints.hasBurst, hints.takeBurst()], [true, false, false]);
});
