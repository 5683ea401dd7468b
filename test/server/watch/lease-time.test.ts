import t from 'tap';
import { DOUBT_MS, JUMP_BOUND_MS, LeaseTime } from '../../../server/watch/lease-time.js';
import { ManualClock } from '../../support/manual-clock.js';

const HOUR_MS = 3_600_000;

t.test('lease time is the wall clock while that goes at the pace of the monotonic one', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.advance(50_000);
  t.equal(time.now(), clock.now());
  clock.setWallClock(JUMP_BOUND_MS);
  t.equal(time.now(), clock.now(), 'a step within the bound is believed');
});

t.test('a jump ahead beyond the bound is not believed at once, nor is lease time held still', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  const before = time.now();
  clock.setWallClock(HOUR_MS);
  t.equal(time.now(), before);
  clock.advance(20_000);
  t.equal(time.now(), before + 20_000);
});

t.test('a jump that is taken back within the doubt has never been', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  time.now();
  clock.advance(30_000);
  clock.setWallClock(-HOUR_MS);
  t.equal(time.now(), clock.now());
  t.equal(time.doubtEndsInMs, Infinity);
});

t.test('a jump to which the wall clock keeps is believed when the doubt ends', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  time.now();
  t.equal(time.doubtEndsInMs, DOUBT_MS);
  clock.advance(DOUBT_MS - 1);
  t.not(time.now(), clock.now());
  clock.advance(1);
  t.equal(time.now(), clock.now());
});

t.test('a second jump begins the doubt anew', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  time.now();
  clock.advance(DOUBT_MS - 1);
  clock.setWallClock(HOUR_MS);
  time.now();
  t.equal(time.doubtEndsInMs, DOUBT_MS);
});

t.test('a jump back is believed at once', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(-HOUR_MS);
  t.equal(time.now(), clock.now());
});

t.test('a pause in which both clocks go on is no jump', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.sleepThrough(HOUR_MS);
  t.equal(time.now(), clock.now());
});

t.test(
  'time that goes on by the monotonic clock is whole milliseconds, as all that reads an event expects',
  async (t) => {
    const clock = new ManualClock();
    const time = new LeaseTime(clock);
    clock.setWallClock(HOUR_MS);
    clock.advance(0.4);
    t.ok(Number.isInteger(time.now()));
  },
);
