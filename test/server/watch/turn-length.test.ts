import t from 'tap';
import type { Kind } from '../../../protocol/index.js';
import { silentLog } from '../../../server/runtime/log.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { IgnoredFiles } from '../../../server/watch/ignored-files.js';
import { Ingest } from '../../../server/watch/ingest.js';
import type { RecordReader } from '../../../server/watch/record-reader.js';
import { Warnings } from '../../../server/watch/warnings.js';
import { ManualClock } from '../../support/manual-clock.js';

const FILES = 60;

/** Reads sixty files that wait at once, each in a millisecond. @returns the number of events of each turn */
async function turns(tellingMs: number): Promise<number[]> {
  const clock = new ManualClock();
  const warnings = new Warnings(silentLog);
  const published: number[] = [];
  const read = (kind: Kind, id: string) => {
    clock.advance(1);
    return { is: 'present', kind, id, signature: { inode: 1, size: 1, mtimeNs: 1n }, data: {} } as const;
  };
  const ingest = new Ingest({
    store: new RecordStore(),
    reader: { read } as unknown as RecordReader,
    clock,
    ignored: new IgnoredFiles(warnings, 256),
    warnings,
    settleMs: 200,
    publish: (events) => {
      published.push(events.length);
      clock.advance(tellingMs);
    },
    rescan: () => Promise.resolve(true),
    admits: () => true,
    folds: () => false,
    listedName: () => undefined,
    seen: (kinds) => new Set(kinds),
    known: (kinds) => new Set(kinds),
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    hintsSuffice: () => true,
    reconcileSoon: () => undefined,
  });
  for (let i = 0; i < FILES; i++) ingest.record('intent', `i${String(i)}`);
  ingest.start();
  await ingest.drain();
  ingest.stop();
  return published;
}

t.test('a turn reads for three milliseconds where delivery is quick', async (t) => {
  t.same(
    await turns(1),
    Array.from({ length: 20 }, () => 3),
  );
});

t.test('where delivery takes longer, the turns after the first read for as long', async (t) => {
  t.same(await turns(7), [3, 7, 7, 7, 7, 7, 7, 7, 7, 1]);
});

t.test('no turn reads for longer than ten milliseconds', async (t) => {
  t.same(await turns(500), [3, 10, 10, 10, 10, 10, 7]);
});
