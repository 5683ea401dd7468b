import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HighWaterMark } from '../../server/journal/high-water-mark.js';
import { JournalDir } from '../../server/journal/journal-dir.js';
import { Run } from '../support/journal-run.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

const RECORDS = 40;
const STARTS = 4;
const MAX_WAIT_MS = 20_000;

/**
 * A journal that was closed in order or left by a crash, and then damaged in one file. The next start continues with it or sets it
 * aside, and always serves the records that are on the disk.
 */
export async function journalLife(random: Random): Promise<void> {
  const repository = new TemporaryRepository();
  try {
    for (let i = 0; i < RECORDS; i++) repository.rename('task', `t${String(i)}`, { n: i, text: 'x'.repeat(i * 20) });
    const journal = join(repository.state, 'journal');
    for (let start = 0; start < STARTS; start++) {
      const run = await Run.on(repository.root);
      const { size } = run.bus.hub.store;
      if (size !== RECORDS) throw new Error(`serves ${String(size)} records of ${String(RECORDS)}`);
      repository.rename('task', `t${String(random.below(RECORDS))}`, { start, text: random.bytes(30).toString('hex') });
      await written(run);
      // The files as a crash at this moment would leave them.
      const files = readdirSync(journal).map((name) => [name, readFileSync(join(journal, name))] as const);
      const marked = withMark(repository, (mark) => mark.read(run.bus.hub.epoch));
      await run.stop();
      if (random.below(2) === 0) {
        for (const [name, bytes] of files) writeFileSync(join(journal, name), bytes, { mode: 0o600 });
        // The mark belongs to another header than the one that was written now; a new one belongs to any.
        if (marked !== undefined) withMark(repository, (mark) => mark.open(run.bus.hub.epoch, marked));
      }
      damage(journal, random);
    }
    await (await Run.on(repository.root)).stop();
  } finally {
    repository.dispose();
  }
}

function withMark<T>(repository: TemporaryRepository, use: (mark: HighWaterMark) => T): T {
  const state = repository.openState();
  const dir = new JournalDir(() => state);
  const mark = new HighWaterMark(dir);
  try {
    return use(mark);
  } finally {
    mark.close();
    dir.close();
    state.close();
  }
}

async function written(run: Run): Promise<void> {
  const { revision } = run.bus.hub;
  const deadline = performance.now() + MAX_WAIT_MS;
  while (run.bus.hub.revision === revision || run.bus.journalHealth !== 'durable') {
    if (performance.now() > deadline) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function damage(journal: string, random: Random): void {
  const names = readdirSync(journal);
  if (names.length === 0) return;
  const path = join(journal, random.pick(names));
  const { size } = statSync(path);
  const way = random.below(5);
  if (way === 0) truncateSync(path, random.below(size + 1));
  else if (way === 1) truncateSync(path, size + random.pick([1, 4_096, 1_000_000]));
  else if (way === 2) chmodSync(path, random.pick([0o644, 0o600, 0o000]));
  else if (way === 3 && size < 100_000) writeFileSync(path, mutate(readFileSync(path), random, random.bytes(64)));
  else flip(path, size, random);
}

/** Flips bits of some bytes within 64 bytes. */
function flip(path: string, size: number, random: Random): void {
  if (size === 0) return;
  const bytes = readFileSync(path);
  const from = random.below(size);
  for (let n = 1 + random.below(16); n > 0; n--) {
    const at = Math.min(size - 1, from + random.below(64));
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
  }
  writeFileSync(path, bytes);
}
