import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { endpointIn } from './endpoint.js';
import { FileLock } from './file-lock.js';
import { isMarker } from './identity.js';
import { LockError } from './lock-error.js';
import { PrivateDirectory } from './private-directory.js';
import { TrustError } from './trust-error.js';

const LOCK_FILE = 'lock';
const MARKER_FILE = 'id';
const IGNORE_FILE = '.gitignore';
const MAX_MARKER_BYTES = 64;

/**
 * `.muse/bus`: what a repository says of its server, and nothing that is secret beyond that server's life: the endpoint, a
 * marker, and the lock that keeps other servers out.
 */
export class BusDirectory {
  private constructor(
    readonly directory: PrivateDirectory,
    readonly lock: FileLock,
  ) {}

  /**
   * Opens it, makes what is missing, and takes the lock.
   * @throws LockError where another server has it, TrustError, or Error where it cannot be written to.
   */
  static async open(root: string): Promise<BusDirectory> {
    const directory = PrivateDirectory.within(join(root, '.muse'), 'bus');
    try {
      const result = await FileLock.acquire(directory, LOCK_FILE);
      if (result.is === 'held') throw new LockError(directory.path, endpointIn(directory), result.pid);
      // Nothing of ours belongs into anybody's history.
      if (directory.stats(IGNORE_FILE) === undefined) directory.replace(IGNORE_FILE, '*\n');
      return new BusDirectory(directory, result.lock);
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  /** The repository's marker, made where it is missing. @param known what it was before it was lost. */
  marker(known?: string): string {
    const found = this.directory.read(MARKER_FILE, MAX_MARKER_BYTES);
    const text = found.is === 'content' ? found.text.trim() : '';
    if (isMarker(text)) return text;
    const marker = known ?? randomBytes(16).toString('hex');
    this.directory.replace(MARKER_FILE, `${marker}\n`);
    return marker;
  }

  /** Whether it is where it was, and keeps others out. */
  isIntact(): boolean {
    return this.directory.isIntact() && this.lock.isInPlace();
  }

  close(): void {
    this.lock.release();
    this.directory.close();
  }
}

/** Why a repository's own directory cannot be written to, where that is no reason not to serve it. */
export function whyNotWritable(error: unknown): string | undefined {
  if (error instanceof TrustError) return error.fault === 'owner' ? error.message : undefined;
  const { code = '', message } = error as NodeJS.ErrnoException;
  return /^(EROFS|EACCES|EPERM)$/.test(code) ? message : undefined;
}
