import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';

const RECORDS = 500;
const TICK_MS = 5;

/** Renames records in at a steady rate, a few every five milliseconds, always the same five hundred. */
await runProgram(({ root, perSecond }: { root: string; perSecond: number }) => {
  const directory = join(root, '.muse', 'coordination', 'tasks');
  const began = performance.now();
  let written = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    for (; written < due; written++) {
      const id = `background-${String(written % RECORDS)}`;
      const temporary = join(directory, `.${id}.tmp`);
      writeFileSync(temporary, JSON.stringify(benchRecord(id, written)));
      renameSync(temporary, join(directory, `${id}.json`));
    }
  }, TICK_MS);
  return { ready: true, stop: () => clearInterval(timer) };
});
