import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../program.js';

/** Lists, reads and parses the same files without a bus. The first pass warms the cache, the second is timed. */
await runProgram(({ root }: { root: string }) => {
  const coordination = join(root, '.muse', 'coordination');
  const readAll = (): { ms: number; events: number } => {
    const began = performance.now();
    let events = 0;
    for (const kind of readdirSync(coordination)) {
      for (const name of readdirSync(join(coordination, kind))) {
        if (JSON.parse(readFileSync(join(coordination, kind, name), 'utf8'))) events++;
      }
    }
    return { ms: performance.now() - began, events };
  };
  return { ready: true, calls: { readAll } };
});
