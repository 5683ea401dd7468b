import t from 'tap';
import { BatchTimer } from '../../../server/journal/batch-timer.js';
import { ManualClock } from '../../support/manual-clock.js';

function timed() {
  const clock = new ManualClock();
  const from = clock.elapsed();
  /** When a batch was to be written, in milliseconds. */
  const ends: number[] = [];
  const timer = new BatchTimer(clock, () => ends.push(clock.elapsed() - from));
  const joinAt = (...times: number[]): void => {
    for (const at of times) {
      clock.advance(at - (clock.elapsed() - from));
      timer.join(false);
    }
  };
  return { clock, ends, timer, joinAt };
}

t.test('a batch is written 50 ms after the last event that joined it, and the next one by itself', async (t) => {
  const { clock, ends, joinAt } = timed();
  joinAt(0, 20, 60);
  clock.advance(49);
  t.same(ends, []);
  clock.advance(1);
  t.same(ends, [110]);
  joinAt(200);
  clock.advance(50);
  t.same(ends, [110, 250]);
  t.equal(clock.timerCount, 0);
});

t.test('a batch that is joined all the time is written after half a second', async (t) => {
  const { ends, joinAt } = timed();
  joinAt(...Array.from({ length: 53 }, (_, n) => n * 20));
  t.same(ends, [500, 1_000]);
});

t.test('a full batch is written at once, in a turn of its own', async (t) => {
  const { clock, ends, timer, joinAt } = timed();
  joinAt(0, 10);
  timer.join(true);
  t.same(ends, []);
  timer.join(true);
  timer.join(false);
  clock.advance(0);
  t.same(ends, [10]);
  clock.advance(1_000);
  t.same(ends, [10]);
  timer.join(true);
  clock.advance(0);
  t.same(ends, [10, 1_010], 'also one that was full from the beginning');
});

t.test('a batch that is stopped is not written, and the next one begins anew', async (t) => {
  const { clock, ends, timer, joinAt } = timed();
  joinAt(0);
  timer.stop();
  t.equal(clock.timerCount, 0);
  clock.advance(600);
  joinAt(600);
  clock.advance(49);
  t.same(ends, []);
  clock.advance(1);
  t.same(ends, [650]);
});
