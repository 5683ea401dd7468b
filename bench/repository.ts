import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAbort } from './cleanup.js';
import { KIND_DIRECTORIES, KINDS } from '../protocol/index.js';
import { benchRecord } from './record.js';

/** A throwaway repository with as many records as asked for, spread over four kinds. */
export class Repository {
  readonly root = mkdtempSync(join(tmpdir(), 'muse-bus-bench-'));
  readonly #removed = onAbort(() => this.remove());

  constructor(records = 0) {
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

  remove(): void {
    this.#removed();
    // Whoever writes may be on its way out.
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

export async function withRepository<T>(records: number, body: (repository: Repository) => Promise<T>): Promise<T> {
  const repository = new Repository(records);
  try {
    return await body(repository);
  } finally {
    repository.remove();
  }
}
