import t from 'tap';
import type { Kind, RecordData } from '../../../protocol/index.js';
import { silentLog } from '../../../server/log.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { IgnoredFiles } from '../../../server/watch/ignored-files.js';
import { Ingest } from '../../../server/watch/ingest.js';
import { DOUBT_MS } from '../../../server/watch/lease-time.js';
import { Warnings } from '../../../server/watch/warnings.js';
import type { RecordReader } from '../../../server/watch/record-reader.js';
import { FakeClock } from '../../support/fake-clock.js';

const HOUR_MS = 3_600_000;

/** An ingest over files in memory; nothing but `touch` and a rescan tells it of them. */
function ingestOver(clock: FakeClock) {
  const store = new RecordStore();
  const warnings = new Warnings(silentLog);
  const files = new Map<string, RecordData>();
  const events: StoreEvent[] = [];
  const read = (kind: Kind, id: string) => {
    const data = files.get(`${kind}/${id}`);
    if (!data) return { is: 'absent', kind, id } as const;
    const signature = { inode: 1, mtimeNs: BigInt(JSON.stringify(data).length), size: 1 };
    return { is: 'present', kind, id, data, signature } as const;
  };
  const ingest: Ingest = new Ingest({
    store,
    reader: { read } as unknown as RecordReader,
    clock,
    ignored: new IgnoredFiles(warnings, 256),
    warnings,
    settleMs: 200,
    publish: (some) => events.push(...some),
    rescan: async (kind) => {
      for (const key of files.keys()) if (key.startsWith(`${kind}/`)) ingest.record(kind, key.slice(kind.length + 1));
      return true;
    },
    canSee: () => true,
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    reconcileSoon: () => undefined,
  });
  ingest.start();
  const write = (kind: Kind, id: string, data: RecordData): void => void files.set(`${kind}/${id}`, data);
  const reserve = async (id: string, ttlMs: number): Promise<void> => {
    write('reservation', id, { reservation_id: id, expires_at: new Date(clock.now() + ttlMs).toISOString() });
    ingest.record('reservation', id);
    await turns();
  };
  return {
    ingest,
    write,
    reserve,
    expired: () => events.filter(({ type }) => type === 'expired').map((e) => e.record.id),
  };
}

/** Lets everything that waits for a turn of the loop have it. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  clock.advance(ms);
  await turns();
}

t.test('a lease ends on time', async (t) => {
  const clock = new FakeClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 5_000);
  await pass(clock, 4_999);
  t.same(expired(), []);
  await pass(clock, 1);
  t.same(expired(), ['r']);
});

t.test('a wall clock set an hour ahead for a while ends no lease early', async (t) => {
  const clock = new FakeClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', HOUR_MS / 2);
  clock.setWallClock(HOUR_MS);
  await pass(clock, DOUBT_MS / 2);
  clock.setWallClock(-HOUR_MS);
  await pass(clock, HOUR_MS / 2 - DOUBT_MS / 2 - 1);
  t.same(expired(), []);
  await pass(clock, 1);
  t.same(expired(), ['r']);
});

t.test('a lease that was about to end does so on time though the wall clock jumps ahead', async (t) => {
  const clock = new FakeClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 20_000);
  await pass(clock, 1_000);
  clock.setWallClock(HOUR_MS);
  await pass(clock, 19_000);
  t.same(expired(), ['r']);
});

t.test(
  'after a sleep, a holder that beats again within the doubt keeps its lease and the others lose theirs',
  async (t) => {
    const clock = new FakeClock();
    const { ingest, reserve, write, expired } = ingestOver(clock);
    t.teardown(() => ingest.stop());
    await reserve('beats', HOUR_MS / 2);
    await reserve('gone', HOUR_MS / 2);
    clock.setWallClock(HOUR_MS);
    await pass(clock, DOUBT_MS / 2);
    const until = new Date(clock.now() + HOUR_MS).toISOString();
    // Nobody hints at it: it is found because files are read once more before leases end after a step.
    write('heartbeat', 'h', { reservation_id: 'beats', extended_expires_at: until });
    t.same(expired(), []);
    for (let i = 0; i < 8; i++) await pass(clock, DOUBT_MS / 4);
    t.same(expired(), ['gone']);
  },
);

t.test('a wall clock set back an hour makes no lease immortal', async (t) => {
  const clock = new FakeClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 30_000);
  clock.setWallClock(-HOUR_MS);
  await pass(clock, HOUR_MS + 29_999);
  t.same(expired(), []);
  await pass(clock, 1);
  t.same(expired(), ['r']);
});

t.test('a process stopped past a deadline reads the heartbeats that arrived before it ends a lease', async (t) => {
  const clock = new FakeClock();
  const { ingest, reserve, write, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', 30_000);
  const until = new Date(clock.now() + HOUR_MS).toISOString();
  write('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: until });
  clock.sleepThrough(120_000);
  await turns();
  t.same(expired(), []);
});

t.test('a lease that ends in the year 9999 is waited for a minute at a time', async (t) => {
  const clock = new FakeClock();
  const { ingest, reserve, expired } = ingestOver(clock);
  t.teardown(() => ingest.stop());
  await reserve('r', Date.UTC(9999, 0) - clock.now());
  await pass(clock, 24 * HOUR_MS);
  t.same(expired(), []);
});
