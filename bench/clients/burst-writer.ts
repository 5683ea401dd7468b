import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import type { Sent } from '../sent.js';

export interface BurstPlan {
  readonly root: string;
  readonly files: number;
  /** The size of the packed event. */
  readonly bytes: number;
  /** @default 'intents' */
  readonly directory?: string;
}

/** Writes files outside the watched directories, and renames them all in on request. */
await runProgram(({ root, files, bytes, directory: name = 'intents' }: BurstPlan) => {
  const staging = join(root, 'staging');
  const directory = join(root, '.muse', 'coordination', name);
  mkdirSync(staging, { recursive: true });
  const ids = Array.from({ length: files }, (_, i) => `burst-${String(i).padStart(7, '0')}`);
  ids.forEach((id, seq) => writeFileSync(join(staging, id), JSON.stringify(benchRecord(id, seq, bytes))));
  const burst = (): Sent => {
    const startedAtMs = monotonicMs();
    const atMs = ids.map((id) => {
      const now = monotonicMs();
      renameSync(join(staging, id), join(directory, `${id}.json`));
      return now;
    });
    return { startedAtMs, atMs };
  };
  return { ready: true, calls: { burst } };
});
