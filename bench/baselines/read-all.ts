import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../program.js';

/** The same files without a bus: list, read, parse. Once to warm the cache, then timed. */
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
