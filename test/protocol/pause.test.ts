import t from 'tap';
import { pauseMs } from '../../protocol/index.js';

const HOUR = 3_600_000;
const before = { wall: 1_000, elapsed: 50 };

/** A timer of a second that came after both clocks had gone on by so much. */
const after = (wall: number, elapsed: number): number =>
  pauseMs(before, { wall: before.wall + wall, elapsed: before.elapsed + elapsed }, 1_000);

t.test('a sleep shows by whichever clock went on in it', async (t) => {
  t.equal(after(HOUR + 1_000, 1_000), HOUR, 'Linux: the monotonic clock stands still');
  t.equal(after(HOUR + 1_000, HOUR + 1_000), HOUR, 'macOS, Windows: both go on');
  t.equal(after(1_000, HOUR + 1_000), HOUR, 'and the wall clock was set back meanwhile');
});

t.test('a timer that is late by a few seconds is that of a busy machine', async (t) => {
  t.equal(after(6_000, 6_000), 0);
  t.equal(after(6_001, 6_001), 5_001);
});

t.test('a clock that is set back shows no pause', async (t) => {
  t.equal(after(-HOUR, 1_000), 0);
});
