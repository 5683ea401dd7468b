import t from 'tap';
import { ACCEPT_STEP_AFTER_MS } from '../../../server/watch/lease-time.js';
import { ManualClock } from '../../support/manual-clock.js';
import { ingestOver, pass, turns } from '../../support/memory-ingest.js';

const HOUR_MS = 3_600_000;

t.test('a lease ends on time', async (t) => {
  const clock = new ManualClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 5_000);
  await pass(clock, 4_999);
  t.same(expired(), []);
  await pass(clock, 1);
  t.same(expired(), ['r']);
});

t.test('a wall clock set an hour ahead for a while ends no lease early', async (t) => {
  const clock = new ManualClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', HOUR_MS / 2);
  clock.setWallClock(HOUR_MS);
  await pass(clock, ACCEPT_STEP_AFTER_MS / 2);
  clock.setWallClock(-HOUR_MS);
  await pass(clock, HOUR_MS / 2 - ACCEPT_STEP_AFTER_MS / 2 - 1);
  t.same(expired(), []);
  await pass(clock, 1);
  t.same(expired(), ['r']);
});

t.test('a lease ends on time, although the wall clock jumps ahead shortly before', async (t) => {
  const clock = new ManualClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 20_000);
  await pass(clock, 1_000);
  clock.setWallClock(HOUR_MS);
  await pass(clock, 19_000);
  t.same(expired(), ['r']);
});

t.test(
  'after a sleep, a holder that sends a heartbeat while the clock is verified keeps its lease, the others lose theirs',
  async (t) => {
    const clock = new ManualClock();
    const { ingest, reserve, write, expired } = ingestOver(clock);
    t.teardown(() => ingest.stop());
    await reserve('beats', HOUR_MS / 2);
    await reserve('gone', HOUR_MS / 2);
    clock.setWallClock(HOUR_MS);
    await pass(clock, ACCEPT_STEP_AFTER_MS / 2);
    const until = new Date(clock.now() + HOUR_MS).toISOString();
    // There is no hint for it: after a step of the clock all files are read again before leases end.
    write('heartbeat', 'h', { reservation_id: 'beats', extended_expires_at: until });
    t.same(expired(), []);
    for (let i = 0; i < 8; i++) await pass(clock, ACCEPT_STEP_AFTER_MS / 4);
    t.same(expired(), ['gone']);
  },
);

t.test('a wall clock set back an hour makes no lease endless', async (t) => {
  const clock = new ManualClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 30_000);
  clock.setWallClock(-HOUR_MS);
  await pass(clock, HOUR_MS + 29_999);
  t.same(expired(), []);
  await pass(clock, 1);
  t.same(expired(), ['r']);
});

t.test('a process that was stopped past a deadline first reads the heartbeats, and then ends leases', async (t) => {
  const clock = new ManualClock();
  const { ingest, reserve, write, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 30_000);
  const until = new Date(clock.now() + HOUR_MS).toISOString();
  write('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: until });
  clock.sleepThrough(120_000);
  await turns();
  t.same(expired(), []);
});

t.test('the timer for a lease that ends in the year 9999 is set for a minute at a time', async (t) => {
  const clock = new ManualClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', Date.UTC(9999, 0) - clock.now());
  await pass(clock, 24 * HOUR_MS);
  t.same(expired(), []);
});

for (const elapsedInSleep of ['stops', 'may-go-on'] as const) {
  t.test(
    `after a sleep in which the monotonic clock ${elapsedInSleep}, holders get a minute to extend their leases`,
    async (t) => {
      const clock = Object.assign(new ManualClock(), { elapsedInSleep });
      const { ingest, reserve, write, expired } = ingestOver(clock);
      t.teardown(() => ingest.stop());
      await reserve('beats', HOUR_MS / 2);
      await reserve('gone', HOUR_MS / 2);
      for (let i = 0; i < 5; i++) await pass(clock, 1_000);
      if (elapsedInSleep === 'stops') clock.setWallClock(HOUR_MS);
      else clock.sleepThrough(HOUR_MS);
      await turns();
      t.same(expired(), [], 'at waking nothing ends');
      t.ok(ingest.leaseDelay, 'and the health says so');
      for (let i = 0; i < 30; i++) await pass(clock, 1_000);
      // Without a hint.
      write('heartbeat', 'h', { reservation_id: 'beats', extended_expires_at: clock.inFuture(HOUR_MS) });
      for (let i = 0; i < 120; i++) await pass(clock, 1_000);
      t.same(expired(), ['gone']);
      t.equal(ingest.leaseDelay, undefined);
    },
  );
}
