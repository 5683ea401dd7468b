import t from 'tap';
import { elapsedInSleepOn } from '../../../server/runtime/clock.js';
import { ACCEPT_STEP_AFTER_MS, JUMP_BOUND_MS, LeaseTime, READ_EVERY_MS } from '../../../server/watch/lease-time.js';
import { ManualClock } from '../../support/manual-clock.js';

const HOUR_MS = 3_600_000;

t.test('lease time is the wall clock while it runs as fast as the monotonic clock', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.advance(50_000);
  t.equal(time.now(), clock.now());
  clock.setWallClock(JUMP_BOUND_MS);
  t.equal(time.now(), clock.now(), 'a step within the bound is believed');
});

t.test('a jump ahead beyond the limit is not accepted at once, and lease time continues', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  const before = time.now();
  clock.setWallClock(HOUR_MS);
  t.equal(time.now(), before);
  clock.advance(20_000);
  t.equal(time.now(), before + 20_000);
});

t.test('a jump that is taken back during verification has no effect', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  time.now();
  clock.advance(30_000);
  clock.setWallClock(-HOUR_MS);
  t.equal(time.now(), clock.now());
  t.equal(time.delayEndsInMs, Infinity);
});

t.test('a jump that stays is accepted at the end of verification', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  time.now();
  t.equal(time.delayEndsInMs, ACCEPT_STEP_AFTER_MS);
  clock.advance(ACCEPT_STEP_AFTER_MS - 1);
  t.not(time.now(), clock.now());
  clock.advance(1);
  t.equal(time.now(), clock.now());
});

t.test('a second jump restarts the verification', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  time.now();
  clock.advance(ACCEPT_STEP_AFTER_MS - 1);
  clock.setWallClock(HOUR_MS);
  time.now();
  t.equal(time.delayEndsInMs, ACCEPT_STEP_AFTER_MS);
  clock.advance(ACCEPT_STEP_AFTER_MS - 1);
  clock.setWallClock(JUMP_BOUND_MS);
  time.now();
  t.equal(time.delayEndsInMs, 1, 'but not a step within the bound');
});

t.test('a jump back is accepted at once', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(-HOUR_MS);
  t.equal(time.now(), clock.now());
});

t.test('a pause in which both clocks continue is no jump', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.sleepThrough(HOUR_MS);
  t.equal(time.now(), clock.now());
});

t.test('time that follows the monotonic clock is in whole milliseconds, as the readers of events expect', async (t) => {
  const clock = new ManualClock();
  const time = new LeaseTime(clock);
  clock.setWallClock(HOUR_MS);
  clock.advance(0.4);
  t.ok(Number.isInteger(time.now()));
});

/** A machine whose monotonic clock may go on while it sleeps: macOS, Windows. */
class GoingOnClock extends ManualClock {
  readonly elapsedInSleep = 'may-go-on';
}

t.test(
  'where the monotonic clock goes on in a sleep, a long time without a timer does not count as time awake',
  async (t) => {
    const clock = new GoingOnClock();
    const time = new LeaseTime(clock);
    clock.advance(READ_EVERY_MS);
    const before = time.now();
    clock.sleepThrough(HOUR_MS);
    t.equal(time.now(), before + READ_EVERY_MS, 'lease time continues');
    t.match(time.delay?.why, /slept or was stopped for 3599 s/);
    t.equal(time.delay?.untilMs, clock.now() + ACCEPT_STEP_AFTER_MS);
    for (let ms = 0; ms < ACCEPT_STEP_AFTER_MS; ms += READ_EVERY_MS) {
      t.not(time.now(), clock.now());
      clock.advance(READ_EVERY_MS);
    }
    t.equal(time.now(), clock.now(), 'until it was awake for the whole time of the doubt');
    t.equal(time.delay, undefined);
  },
);

t.test('where it goes on, the clocks are read each second, and elsewhere only as often as drift demands', async (t) => {
  t.equal(new LeaseTime(new GoingOnClock()).readWithinMs, READ_EVERY_MS);
  t.equal(new LeaseTime(new ManualClock()).readWithinMs, Infinity);
  for (const [platform, expected] of [
    ['linux', 'stops'],
    ['darwin', 'may-go-on'],
    ['win32', 'may-go-on'],
    ['freebsd', 'may-go-on'],
  ] as const)
    t.equal(elapsedInSleepOn(platform), expected, platform);
});
