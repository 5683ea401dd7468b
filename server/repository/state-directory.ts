import { FileLock } from './file-lock.js';
import { isMarker, RepositoryIdentity, type IdentityRecord } from './identity.js';
import { PrivateDirectory } from './private-directory.js';
import { makeStateHome, realPath, type StateLocation } from './state-location.js';

const ALL_STATE = 'muse-bus';
const RECORD_FILE = 'repository.json';
const MAX_RECORD_BYTES = 65_536;
export const STATE_LOCK_FILE = 'lock';

/** Whose state it is: written into its directory. */
interface StateRecord extends IdentityRecord {
  /** The repository's real path when it was last served. */
  readonly path: string;
}

/**
 * The directory with a repository's private state. One that was moved takes its state along; a copy, a clone and one that
 * was made anew at the same path begin with none.
 */
export class StateDirectory {
  private constructor(
    readonly directory: PrivateDirectory,
    /** The marker that its record has, for a repository that has lost its own. */
    readonly marker: string | undefined,
  ) {}

  /** @throws TrustError where others could have put something in its place. */
  static async open(location: StateLocation, root: string, identity: RepositoryIdentity): Promise<StateDirectory> {
    const all = PrivateDirectory.within(makeStateHome(location.home), ALL_STATE);
    try {
      await claim(all, location.key, root, identity);
      const directory = all.directory(location.key);
      return new StateDirectory(directory, recordIn(directory)?.marker);
    } finally {
      all.close();
    }
  }

  /** Notes whose it is, from now on. */
  sign(root: string, identity: RepositoryIdentity, marker: string | undefined): void {
    const record: StateRecord = { path: realPath(root), ...identity.record, marker };
    const text = `${JSON.stringify(record, null, 2)}\n`;
    const { directory } = this;
    const found = directory.read(RECORD_FILE, MAX_RECORD_BYTES);
    if (found.is !== 'content' || found.text !== text) directory.replace(RECORD_FILE, text);
  }
}

/** Sees to it that what is at the key, if anything, is the state of this repository. */
async function claim(all: PrivateDirectory, key: string, root: string, identity: RepositoryIdentity): Promise<void> {
  const isThere = all.stats(key) !== undefined;
  // One that says nothing was being made when its process ended.
  if (isThere && (peek(all, key) === undefined || belongsTo(all, key, identity))) return;
  // Of a repository that was here before: it may be somewhere else now, and will look for it.
  if (isThere) all.setAside(key);
  for (const name of all.names()) {
    if (name === key || !belongsTo(all, name, identity) || !(await isAbandoned(all, name, root))) continue;
    all.rename(name, key);
    return;
  }
}

function belongsTo(all: PrivateDirectory, name: string, identity: RepositoryIdentity): boolean {
  const record = peek(all, name);
  return record !== undefined && identity.matches(record);
}

/** Whether nobody serves what it is the state of, and its repository is no longer where it was. */
async function isAbandoned(all: PrivateDirectory, name: string, root: string): Promise<boolean> {
  const record = peek(all, name);
  if (record === undefined) return false;
  // A snapshot of a file system has all that identifies the original, which may still be there.
  if (record.path !== realPath(root) && leadsTo(record)) return false;
  const directory = all.directory(name);
  try {
    const result = await FileLock.acquire(directory, STATE_LOCK_FILE);
    if (result.is === 'held') return false;
    result.lock.release();
    return true;
  } finally {
    directory.close();
  }
}

function leadsTo(record: StateRecord): boolean {
  try {
    return RepositoryIdentity.of(record.path)?.matches(record) ?? false;
  } catch {
    // What cannot be seen may be there.
    return true;
  }
}

function peek(all: PrivateDirectory, name: string): StateRecord | undefined {
  if (all.stats(name)?.isDirectory() !== true) return undefined;
  let directory: PrivateDirectory | undefined;
  try {
    directory = all.directory(name);
    return recordIn(directory);
  } catch {
    return undefined;
  } finally {
    directory?.close();
  }
}

function recordIn(directory: PrivateDirectory): StateRecord | undefined {
  const found = directory.read(RECORD_FILE, MAX_RECORD_BYTES);
  if (found.is !== 'content') return undefined;
  try {
    const { path, marker, device, inode, bornNs } = JSON.parse(found.text) as Partial<
      Record<keyof StateRecord, unknown>
    >;
    if (![path, device, inode, bornNs].every((value) => typeof value === 'string')) return undefined;
    const kept = typeof marker === 'string' && isMarker(marker) ? marker : undefined;
    return { path, device, inode, bornNs, marker: kept } as StateRecord;
  } catch {
    return undefined;
  }
}
