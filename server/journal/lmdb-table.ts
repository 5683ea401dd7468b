import type { RootDatabase } from 'lmdb';
import { removePatiently, reservePrivateFile } from '../repository/index.js';
import type { OpenTable, Table, TableChange } from './table.js';

/** A size above that of LMDB's table of readers. */
const LOCK_FILE_BYTES = 16_384;
/** A size above that of an empty table. */
const FIRST_BYTES = 131_072;

const CLOSE_PATIENCE_MS = 2_000;

/** Opens an LMDB table. LMDB writes in its own thread, and its file survives the end of the process at any instruction. */
export const openLmdbTable: OpenTable = async (path, flushing = 'each') => {
  // Loaded at first use: a server without a journal does not need the native build.
  const { open } = await import('lmdb');
  takeRoom(path);
  const db = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    // `false`: a commit includes its flush. If the two overlap, a commit is reported before its flush, a failed flush is never
    // reported, and after a failed commit the database does not close.
    overlappingSync: false,
    noSync: flushing === 'at the end',
    // `false`, because the journal makes the batches. Those that the lmdb package makes of a turn leave a rejection unhandled.
    eventTurnBatching: false,
  });
  return new LmdbTable(db);
};

/** @returns why LMDB cannot be used here; `undefined` if it can. */
export async function whyNoLmdb(): Promise<string | undefined> {
  try {
    await import('lmdb');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Makes sure that the disk has room. On a full disk two things crash the process instead of causing an error. LMDB maps its
 * lock file and writes into the map; a page without room on the disk causes SIGBUS. And a table that cannot be begun causes
 * SIGSEGV. So this fills the lock file, and writes a trial file of the size of an empty table.
 * @throws Error if the disk has no room.
 */
function takeRoom(path: string): void {
  // LMDB follows links, and makes files with the mode of the umask. So both of its files are made here, private to this user.
  reservePrivateFile(`${path}-lock`, LOCK_FILE_BYTES);
  if (reservePrivateFile(path, 0) > 0) return;
  const trial = `${path}.trial`;
  removePatiently(trial);
  try {
    reservePrivateFile(trial, FIRST_BYTES);
  } finally {
    removePatiently(trial);
  }
}

class LmdbTable implements Table {
  #closed: Promise<void> | undefined;

  constructor(private readonly db: RootDatabase<Uint8Array, Uint8Array>) {}

  entries(prefix: number): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    return this.db.getRange({ start: Buffer.of(prefix), end: Buffer.of(prefix + 1) });
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.db.get(key);
  }

  async write(changes: readonly TableChange[]): Promise<void> {
    let last: Promise<boolean> | undefined;
    const committed = this.db.batch(() => {
      for (const { key, value } of changes) {
        const made = value ? this.db.put(key, value) : this.db.remove(key);
        // Only the promise of the batch is awaited, so the rejections of the changes must be handled. Most changes share one
        // promise, and a handler per change would cost more than the change.
        if (made !== last) made.catch(ignore);
        last = made;
      }
    });
    try {
      await committed;
    } catch (error) {
      throw await causeOf(error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= within(CLOSE_PATIENCE_MS, this.db.close(), 'the journal does not close');
    return this.#closed;
  }
}

const ignore = (): void => undefined;

/** Returns the reason of a failed commit. The error holds it as a promise, whose rejection must be handled, and which may hang. */
async function causeOf(error: unknown): Promise<Error> {
  const { commitError } = error as { readonly commitError?: Promise<never> };
  if (commitError === undefined) return error as Error;
  const cause = await within(100, commitError, 'the commit failed').catch((reason: unknown) => reason);
  return cause as Error;
}

async function within<T>(patienceMs: number, promise: PromiseLike<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${otherwise} within ${String(patienceMs)} ms`));
    }, patienceMs);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
