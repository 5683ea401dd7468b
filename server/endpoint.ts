import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../protocol/index.js';

/** What is written to `.muse/bus/endpoint.json`: where a bus is and how to be let in. */
export interface Endpoint {
  /** Of the WebSocket; the HTTP surface is at the same place. */
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly version: string;
  /** ISO 8601 UTC. */
  readonly started_at: string;
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** The server's own directory in a repository, private to its owner. */
export class BusDir {
  constructor(readonly path: string) {}

  ensure(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    chmodSync(this.path, 0o700);
    // Nothing of ours belongs into anybody's history.
    writeFileSync(join(this.path, '.gitignore'), '*\n');
  }

  /** The token of this repository: 256 random bits in base64url, made at first use and kept. */
  token(): string {
    const file = join(this.path, 'token');
    try {
      const kept = readFileSync(file, 'utf8').trim();
      if (TOKEN.test(kept)) {
        chmodSync(file, 0o600);
        return kept;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const made = randomBytes(32).toString('base64url');
    replaceFile(file, `${made}\n`);
    return made;
  }

  publish(url: string, token: string, startedAt: Date): Endpoint {
    const endpoint = { url, token, pid: process.pid, version: VERSION, started_at: startedAt.toISOString() };
    replaceFile(this.#endpointFile, `${JSON.stringify(endpoint, null, 2)}\n`);
    return endpoint;
  }

  /** Removes the endpoint, if it is still this process's. */
  unpublish(): void {
    try {
      const { pid } = JSON.parse(readFileSync(this.#endpointFile, 'utf8')) as { pid?: unknown };
      if (pid === process.pid) rmSync(this.#endpointFile, { force: true });
    } catch {
      // Gone or somebody else's: nothing to remove.
    }
  }

  /** Removes whatever endpoint is there; for the owner of the repository before it has one itself. */
  withdraw(): void {
    rmSync(this.#endpointFile, { force: true });
  }

  /** Who says that it serves this repository; `undefined` where nobody does. */
  holder(): Pick<Endpoint, 'url' | 'pid'> | undefined {
    try {
      const { url, pid } = JSON.parse(readFileSync(this.#endpointFile, 'utf8')) as Partial<Endpoint>;
      return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined;
    } catch {
      return undefined;
    }
  }

  get #endpointFile(): string {
    return join(this.path, 'endpoint.json');
  }
}

/** Whoever reads sees the old file or the new one, and never anyone else's. */
function replaceFile(file: string, content: string): void {
  const temporary = `${file}.${String(process.pid)}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, file);
}
