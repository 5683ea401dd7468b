import t, { type Test } from 'tap';
import { ManualClock } from '../../support/manual-clock.js';
import { ingestOver, pass, SETTLE_MS, turns } from '../../support/memory-ingest.js';

const LEASE_MS = 5_000;

function held(t: Test) {
  const clock = new ManualClock();
  const over = ingestOver(clock);
  t.teardown(() => {
    over.ingest.stop();
  });
  const beat = (hinted = true): void => {
    const until = new Date(clock.now() + LEASE_MS).toISOString();
    over.write('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: until });
    if (hinted) over.ingest.record('heartbeat', 'h');
  };
  const tear = (): void => {
    over.write('heartbeat', 'h', 'torn');
    over.ingest.record('heartbeat', 'h');
  };
  return { clock, ...over, beat, tear };
}

t.test('a heartbeat that is half-written when the deadline passes saves its lease', async (t) => {
  const { clock, reserve, expired, beat, tear } = held(t);
  await reserve('r', LEASE_MS);
  await pass(clock, LEASE_MS - 1);
  tear();
  await turns();
  await pass(clock, SETTLE_MS / 2);
  t.same(expired(), [], 'the deadline has passed, and is not decided');
  beat();
  await turns();
  t.same(expired(), []);
  await pass(clock, LEASE_MS);
  t.same(expired(), ['r'], 'when the extension is over');
});

t.test('a heartbeat that stays half-written saves no lease beyond the settle time', async (t) => {
  const { clock, reserve, expired, tear } = held(t);
  await reserve('r', LEASE_MS);
  await pass(clock, LEASE_MS - 1);
  tear();
  await turns();
  for (let passed = 0; passed < SETTLE_MS + 10; passed += 10) await pass(clock, 10);
  t.same(expired(), ['r']);
});

t.test(
  'a heartbeat that is torn again and again delays the end of its lease by the settle time, and no longer',
  async (t) => {
    const { clock, reserve, expired, tear } = held(t);
    await reserve('r', LEASE_MS);
    await pass(clock, LEASE_MS - 1);
    tear();
    await turns();
    for (let passed = 0; passed < SETTLE_MS + 10; passed += 10) {
      await pass(clock, 10);
      tear();
    }
    t.same(expired(), ['r']);
  },
);

t.test('a heartbeat whose hint comes with the deadline saves its lease', async (t) => {
  const { clock, reserve, expired, beat } = held(t);
  await reserve('r', LEASE_MS);
  clock.advance(LEASE_MS);
  // The turn that finds the deadline passed ends before the hint arrives.
  setImmediate(beat);
  await turns();
  t.same(expired(), []);
});

t.test(
  'after a burst of hints, of which the kernel may have lost some, the disk is compared before a lease ends',
  async (t) => {
    const { clock, ingest, reserve, expired, beat } = held(t);
    await reserve('r', LEASE_MS);
    await pass(clock, LEASE_MS - 10);
    beat(false);
    for (let i = 0; i < 2_000; i++) ingest.file('task', `${String(i)}.tmp`);
    await pass(clock, 10);
    t.same(expired(), []);
  },
);

t.test('while the directories cannot be read, no lease ends; after that the disk is compared first', async (t) => {
  const { clock, reserve, expired, beat, sight } = held(t);
  await reserve('r', LEASE_MS);
  await reserve('other', LEASE_MS);
  sight.isClear = false;
  beat(false);
  for (let i = 0; i < 20; i++) await pass(clock, LEASE_MS / 10);
  t.same(expired(), []);
  sight.isClear = true;
  for (let i = 0; i < 4; i++) await pass(clock, 250);
  t.same(expired(), ['other', 'r'], 'the extension is over by now, too');
});
