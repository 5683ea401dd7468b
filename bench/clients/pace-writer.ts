import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import type { Sent } from '../sent.js';

export interface Pace {
  readonly perSecond: number;
  readonly seconds: number;
}

const TICK_MS = 5;
/** Ids are used again, so that the number of records stays the same. */
const RECORDS = 1_000;

/** Renames records in at a steady rate for a while, and notes the times. */
await runProgram(({ root, directory }: { root: string; directory: string }) => {
  const place = join(root, '.muse', 'coordination', directory);
  let seq = 0;
  const write = async ({ perSecond, seconds }: Pace): Promise<Sent> => {
    const startedAtMs = monotonicMs();
    const atMs: number[] = [];
    while (atMs.length < perSecond * seconds) {
      const due = ((monotonicMs() - startedAtMs) / 1_000) * perSecond;
      while (atMs.length < Math.min(due, perSecond * seconds)) {
        const id = `paced-${String(seq % RECORDS)}`;
        const temporary = join(place, `.${id}.tmp`);
        writeFileSync(temporary, JSON.stringify(benchRecord(id, atMs.length)));
        atMs.push(monotonicMs());
        renameSync(temporary, join(place, `${id}.json`));
        seq++;
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    return { startedAtMs, atMs };
  };
  return { ready: true, calls: { write } };
});
