import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { VERSION } from '../../protocol/index.js';
import type { Endpoint } from '../endpoint.js';
import { OptionError } from '../option-error.js';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * What an edge keeps on its host: the file that says where it is, and the token. Edges that share a file share a token,
 * and so may share a port.
 */
export class EdgeFiles {
  readonly endpointFile: string;
  readonly tokenFile: string;

  /** @param tokenFile where the token is, or is to be; beside the endpoint's file where none is named. */
  constructor(endpointFile: string, tokenFile?: string) {
    this.endpointFile = resolve(endpointFile);
    const name = `${basename(this.endpointFile, '.json')}.token`;
    this.tokenFile = resolve(tokenFile ?? join(dirname(this.endpointFile), name));
  }

  /**
   * The token of all edges that use this file, made by the first of them.
   * @throws OptionError where the file holds none, or others can read it.
   */
  token(): string {
    mkdirSync(dirname(this.tokenFile), { recursive: true, mode: 0o700 });
    const temporary = `${this.tokenFile}.${String(process.pid)}.tmp`;
    writeFileSync(temporary, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
    try {
      // Of several that start at once one makes it, and the others find it.
      linkSync(temporary, this.tokenFile);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    return readToken(this.tokenFile);
  }

  publish(url: string, token: string, startedAt: Date): Endpoint {
    mkdirSync(dirname(this.endpointFile), { recursive: true, mode: 0o700 });
    const endpoint = { url, token, pid: process.pid, version: VERSION, started_at: startedAt.toISOString() };
    const temporary = `${this.endpointFile}.${String(process.pid)}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(endpoint, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, this.endpointFile);
    return endpoint;
  }

  /** Removes the endpoint's file, where it still speaks of this process. */
  unpublish(): void {
    try {
      const { pid } = JSON.parse(readFileSync(this.endpointFile, 'utf8')) as { pid?: unknown };
      if (pid === process.pid) rmSync(this.endpointFile, { force: true });
    } catch {
      // Gone, or another edge's: nothing to remove.
    }
  }
}

function readToken(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { mode, uid } = fstatSync(file);
    const isPrivate = process.getuid === undefined || ((mode & 0o077) === 0 && uid === process.getuid());
    if (!isPrivate) throw new OptionError(`${path} must be this user's and closed to others: chmod 600 ${path}`);
    const token = readFileSync(file, 'utf8').trim();
    if (TOKEN.test(token)) return token;
    throw new OptionError(`${path} holds no token, 43 characters of A-Z a-z 0-9 _ -: remove it, and one is made`);
  } finally {
    closeSync(file);
  }
}
