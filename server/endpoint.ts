import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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

  /** @throws Error where the directory is a link: what is private to the server must not lie where a link says. */
  ensure(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (!lstatSync(this.path).isDirectory()) {
      throw new Error(`${this.path} is not a directory: move it out of the way`);
    }
    chmodSync(this.path, 0o700);
    // Nothing of ours belongs into anybody's history.
    const ignore = join(this.path, '.gitignore');
    if (!existsSync(ignore)) replaceFile(ignore, '*\n');
  }

  /** The token of this repository: 256 random bits in base64url, made at first use and kept. */
  token(): string {
    return readPrivately(this.#tokenFile) ?? this.newToken();
  }

  /** Makes another token and keeps it in place of the one before. */
  newToken(): string {
    const made = randomBytes(32).toString('base64url');
    replaceFile(this.#tokenFile, `${made}\n`);
    return made;
  }

  get #tokenFile(): string {
    return join(this.path, 'token');
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

/**
 * A token that nobody else can have read or written: a file of our own, no link, closed to others. One that came with a
 * checkout, and so is known to whoever made that, never has these permissions.
 */
function readPrivately(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EMLINK' || code === 'EACCES') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > 256 || !isPrivate(stats.mode, stats.uid)) return undefined;
    const kept = readFileSync(file, 'utf8').trim();
    return TOKEN.test(kept) ? kept : undefined;
  } finally {
    closeSync(file);
  }
}

/** Windows keeps permissions elsewhere: the directory in the user's profile is what protects there. */
function isPrivate(mode: number, uid: number): boolean {
  return process.getuid === undefined || ((mode & 0o077) === 0 && uid === process.getuid());
}

/** Whoever reads sees the old file or the new one, and never anyone else's. */
function replaceFile(file: string, content: string): void {
  const temporary = `${file}.${String(process.pid)}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, file);
}
