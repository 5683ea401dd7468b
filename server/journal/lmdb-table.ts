import type { RootDatabase } from 'lmdb';
import { removePrivateFile, reservePrivateFile } from '../repository/index.js';
import type { OpenTable, Table, TableChange } from './table.js';

/** More than LMDB's table of readers takes. */
const LOCK_FILE_BYTES = 16_384;
/** More than an empty table takes. */
const FIRST_BYTES = 131_072;

const CLOSE_PATIENCE_MS = 2_000;

/** LMDB: writes in its own thread, survives the death of its process at any instruction. The only file that knows it. */
export const openLmdbTable: OpenTable = async (path, flushing = 'each') => {
  // Loaded when first wanted: whoever runs without a journal need not have the native build.
  const { open } = await import('lmdb');
  takeRoom(path);
  const db = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    // A commit includes its flush. Where the two overlap, "committed" comes before "flushed", a flush that fails is never
    // reported, and after a commit that fails the database does not close.
    overlappingSync: false,
    noSync: flushing === 'at the end',
    // Batches are made here; the ones that LMDB makes of a turn leave a rejected promise to nobody.
    eventTurnBatching: false,
  });
  return new LmdbTable(db);
};

/**
 * Two things end the process on a full disk instead of failing: LMDB maps its lock file and writes into the map, where a page
 * that has no room yet is a SIGBUS; and a table that cannot be begun is a SIGSEGV. So room is made for the one, and shown
 * to be there for the other, by writing.
 * @throws Error where there is none.
 */
function takeRoom(path: string): void {
  // LMDB follows links and makes files as the umask has it: both of its files are there, and ours alone, before it comes.
  reservePrivateFile(`${path}-lock`, LOCK_FILE_BYTES);
  if (reservePrivateFile(path, 0) > 0) return;
  const trial = `${path}.trial`;
  removePrivateFile(trial);
  try {
    reservePrivateFile(trial, FIRST_BYTES);
  } finally {
    removePrivateFile(trial);
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
        // The promise of the whole says it all, and nobody may be left to ask those of the changes. Most share one: to add to it
        // for each would cost more than the changes do.
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

/** LMDB rejects a failed commit with a promise of the reason, which must be taken whether or not it comes. */
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
