import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';

export interface BurstPlan {
  readonly root: string;
  readonly files: number;
  /** Of the packed event. */
  readonly bytes: number;
}

/** Writes files beside the watched directories, and renames them all in when told to. */
await runProgram(({ root, files, bytes }: BurstPlan) => {
  const staging = join(root, 'staging');
  const directory = join(root, '.muse', 'coordination', 'intents');
  mkdirSync(staging);
  const ids = Array.from({ length: files }, (_, i) => `burst-${String(i).padStart(7, '0')}`);
  ids.forEach((id, seq) => writeFileSync(join(staging, id), JSON.stringify(benchRecord(id, seq, bytes))));
  const burst = (): number => {
    const startedAtMs = monotonicMs();
    for (const id of ids) renameSync(join(staging, id), join(directory, `${id}.json`));
    return startedAtMs;
  };
  return { ready: true, calls: { burst } };
});
