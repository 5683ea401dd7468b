import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { endpointIn } from './endpoint.js';
import { FileLock, type LockOptions } from './file-lock.js';
import { isMarker } from './identity.js';
import { LockError } from './lock-error.js';
import { PrivateDirectory } from './private-directory.js';
import { TrustError } from './trust-error.js';

const LOCK_FILE = 'lock';
const MARKER_FILE = 'id';
const IGNORE_FILE = '.gitignore';
const MAX_MARKER_BYTES = 64;

/**
 * `.muse/bus`: the endpoint of a repository's server, a marker, and the lock that keeps other servers out. The endpoint holds
 * the token, so it is removed at an orderly stop. After any other end, the next server makes a new token.
 */
export class BusDirectory {
  private constructor(
    readonly directory: PrivateDirectory,
    readonly lock: FileLock,
  ) {}

  /**
   * Opens the directory, makes what is missing in it, and takes the lock.
   * @throws LockError if another server has the lock, TrustError, or Error if the directory cannot be written to.
   */
  static async open(root: string, locking: LockOptions = {}): Promise<BusDirectory> {
    const directory = PrivateDirectory.within(join(root, '.muse'), 'bus');
    try {
      const result = await FileLock.acquire(directory, LOCK_FILE, locking);
      if (result.is === 'held') throw new LockError(directory.path, endpointIn(directory), result.by);
      // The files of this directory must not be committed.
      if (directory.stats(IGNORE_FILE) === undefined) directory.replace(IGNORE_FILE, '*\n');
      return new BusDirectory(directory, result.lock);
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  /** Returns the repository's marker, and makes it if it is missing. @param known the marker before it was lost. */
  marker(known?: string): string {
    const found = this.directory.read(MARKER_FILE, MAX_MARKER_BYTES);
    const text = found.is === 'content' ? found.text.trim() : '';
    if (isMarker(text)) return text;
    const marker = known ?? randomBytes(16).toString('hex');
    this.directory.replace(MARKER_FILE, `${marker}\n`);
    return marker;
  }

  /** Whether the directory is still at its path, and the lock at its own. */
  isIntact(): boolean {
    return this.directory.isIntact() && this.lock.isInPlace();
  }

  close(): void {
    this.lock.release();
    this.directory.close();
  }
}

/** @returns why a repository's directory cannot be written to, if it can be served without; `undefined` for other errors. */
export function whyNotWritable(error: unknown): string | undefined {
  if (error instanceof TrustError) return error.fault === 'owner' ? error.message : undefined;
  const { code = '', message } = error as NodeJS.ErrnoException;
  return /^(EROFS|EACCES|EPERM)$/.test(code) ? message : undefined;
}
