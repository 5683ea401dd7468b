import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAbort } from './cleanup.js';
import { KIND_DIRECTORIES, KINDS } from '../protocol/index.js';
import { stateLocation } from '../server/repository/index.js';
import { benchRecord } from './record.js';

/** A temporary repository with a given number of records of four kinds. */
export class Repository {
  readonly root = mkdtempSync(join(tmpdir(), 'muse-bus-bench-'));
  readonly #removed = onAbort(() => this.remove());

  constructor(private readonly records = 0) {
    for (const kind of KINDS) mkdirSync(this.directory(KIND_DIRECTORIES[kind]), { recursive: true });
    const kinds = ['intents', 'tasks', 'claims', 'dependencies'];
    for (let i = 0; i < records; i++) {
      const id = `standing-${String(i).padStart(7, '0')}`;
      const file = join(this.directory(kinds[i % kinds.length]!), `${id}.json`);
      writeFileSync(file, JSON.stringify(benchRecord(id, i)));
    }
  }

  directory(name: string): string {
    return join(this.root, '.muse', 'coordination', name);
  }

  /** Removes the files that a server has left. @returns whether the number of records is unchanged. */
  tidy(): boolean {
    for (const name of readdirSync(this.root)) {
      if (name !== '.muse') rmSync(join(this.root, name), { recursive: true });
    }
    rmSync(join(this.root, '.muse', 'bus'), { recursive: true, force: true });
    this.#forgetState();
    const counts = Object.values(KIND_DIRECTORIES).map((name) => readdirSync(this.directory(name)).length);
    return counts.reduce((sum, count) => sum + count, 0) === this.records;
  }

  remove(): void {
    this.#removed();
    // A process that still writes there may be about to end.
    this.#forgetState();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  #forgetState(): void {
    rmSync(stateLocation(this.root).path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** From this many records on an unchanged repository is used again in this process: to make the files takes longer than many rounds. */
const KEPT_FROM = 20_000;
const kept = new Map<number, Repository>();

export async function withRepository<T>(records: number, body: (repository: Repository) => Promise<T>): Promise<T> {
  const repository = kept.get(records) ?? new Repository(records);
  kept.delete(records);
  let isDone = false;
  try {
    const result = await body(repository);
    isDone = true;
    return result;
  } finally {
    if (isDone && records >= KEPT_FROM && !kept.has(records) && repository.tidy()) kept.set(records, repository);
    else repository.remove();
  }
}
