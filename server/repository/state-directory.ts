import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FileLock } from './file-lock.js';
import { removePatiently } from './held-files.js';
import { isMarker, RepositoryIdentity, type IdentityRecord } from './identity.js';
import { PrivateDirectory } from './private-directory.js';
import { readPrivateFile } from './private-file.js';
import { makeStateHome, realPath, type StateLocation } from './state-location.js';

const ALL_STATE = 'muse-bus';
const RECORD_FILE = 'repository.json';
const MAX_RECORD_BYTES = 65_536;
export const STATE_LOCK_FILE = 'lock';

/** Identifies the repository of a state. It is written into the state's directory. */
interface StateRecord extends IdentityRecord {
  /** The repository's real path when it was last served. */
  readonly path: string;
}

/**
 * The directory with a repository's private state. A repository that was moved keeps its state. A copy, a clone, and a
 * repository that was recreated at the same path start without state.
 */
export class StateDirectory {
  private constructor(
    readonly directory: PrivateDirectory,
    /** The marker in the state's record, for a repository that has lost its own. */
    readonly marker: string | undefined,
    /** The paths of repositories that are gone and whose state was removed by {@link open}. */
    readonly pruned: readonly string[],
  ) {}

  /** Opens a repository's state, and makes it if it is missing. @throws TrustError if other users could have replaced it. */
  static async open(location: StateLocation, root: string, identity: RepositoryIdentity): Promise<StateDirectory> {
    const all = PrivateDirectory.within(makeStateHome(location.home), ALL_STATE);
    try {
      await claim(all, location.key, root, identity);
      // A failure to remove old state of other repositories must not keep this one from being served.
      const pruned = await prune(all, Date.now()).catch(() => []);
      const directory = all.directory(location.key);
      return new StateDirectory(directory, recordIn(directory)?.marker, pruned);
    } finally {
      all.close();
    }
  }

  /**
   * Opens the state at a path's key if a server of this machine has it. What that server goes by is not judged from here: to set aside the
   * state of a server that lives would take it from it.
   */
  static ofServer({ home, key }: StateLocation): StateDirectory | undefined {
    const all = PrivateDirectory.within(makeStateHome(home), ALL_STATE);
    try {
      if (all.stats(key)?.isDirectory() !== true) return undefined;
      const directory = all.directory(key);
      if (FileLock.livingHolder(directory, STATE_LOCK_FILE)) return new StateDirectory(directory, undefined, []);
      directory.close();
      return undefined;
    } finally {
      all.close();
    }
  }

  /** Writes the record of the repository that this state now belongs to. */
  sign(root: string, identity: RepositoryIdentity, marker: string | undefined): void {
    const record: StateRecord = { path: realPath(root), ...identity.record, marker };
    const text = `${JSON.stringify(record, null, 2)}\n`;
    const { directory } = this;
    const found = directory.read(RECORD_FILE, MAX_RECORD_BYTES);
    if (found.is !== 'content' || found.text !== text) directory.replace(RECORD_FILE, text);
  }
}

/** Makes sure that the directory at the key, if there is one, is the state of this repository. */
async function claim(all: PrivateDirectory, key: string, root: string, identity: RepositoryIdentity): Promise<void> {
  const isThere = all.stats(key) !== undefined;
  // A state without a record was being made when its process ended.
  const record = isThere ? peek(all, key) : undefined;
  if (isThere && (record === undefined || identity.matchesHere(record))) return;
  // The state of a repository that was at this path before. It may have been moved, and will then search for its state.
  if (isThere) all.setAside(key);
  for (const name of all.names()) {
    if (name === key || !belongsTo(all, name, identity) || !(await isAbandoned(all, name, root))) continue;
    all.rename(name, key);
    return;
  }
}

/** Private state whose repository is gone. */
export interface AbandonedState {
  /** Its name in the directory of all states. */
  readonly name: string;
  readonly path: string;
  /** Where the repository was when it was last served. */
  readonly repository: string;
  /** When a server last made or removed anything in it, Unix milliseconds. */
  readonly lastUsedMs: number;
}

/** State that was not used for this long is removed, if its repository is proven to be gone. */
export const KEEP_ABANDONED_MS = 30 * 24 * 3_600_000;

/**
 * Returns the states of repositories that are proven to be gone: nothing is at the path, and the file system that the
 * repository was on is mounted. A repository that was moved and not served since then looks the same. Writes nothing. State that
 * cannot be read counts as in use.
 * @param all the directory with the state of all repositories.
 */
export function abandonedStates(all: string): AbandonedState[] {
  let names: string[];
  try {
    names = readdirSync(all);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const path = join(all, name);
    try {
      if (!lstatSync(path).isDirectory()) return [];
      const found = readPrivateFile(join(path, RECORD_FILE), MAX_RECORD_BYTES);
      const record = found.is === 'content' ? parseRecord(found.text) : undefined;
      if (record === undefined || !isGone(record)) return [];
      const times = [path, ...readdirSync(path).map((file) => join(path, file))].map((file) => lstatSync(file).mtimeMs);
      return [{ name, path, repository: record.path, lastUsedMs: Math.max(...times) }];
    } catch {
      return [];
    }
  });
}

/** Proves that a path is gone: its nearest directory must be on the same file system, which is else not mounted. */
function isGone({ path, device }: StateRecord): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
  for (let at = dirname(path); ; at = dirname(at)) {
    const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined) return String(stats.dev) === device;
    if (at === dirname(at)) return false;
  }
}

/** Removes old abandoned states that no process has locked. @returns the paths of their repositories. */
async function prune(all: PrivateDirectory, now: number): Promise<string[]> {
  const pruned: string[] = [];
  for (const { name, repository, lastUsedMs } of abandonedStates(all.path)) {
    if (now - lastUsedMs < KEEP_ABANDONED_MS) continue;
    const directory = all.directory(name);
    try {
      const result = await FileLock.acquire(directory, STATE_LOCK_FILE);
      if (result.is === 'held') continue;
      removePatiently(all.pathOf(name));
      result.lock.release();
      pruned.push(repository);
    } finally {
      directory.close();
    }
  }
  return pruned;
}

function belongsTo(all: PrivateDirectory, name: string, identity: RepositoryIdentity): boolean {
  const record = peek(all, name);
  return record !== undefined && identity.matches(record);
}

/** Whether a state's repository is no longer at its old path, and no server has locked the state. */
async function isAbandoned(all: PrivateDirectory, name: string, root: string): Promise<boolean> {
  const record = peek(all, name);
  if (record === undefined) return false;
  // A snapshot of a file system has the same identity as the original, which may still exist.
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
    // A path that cannot be read may still hold the repository.
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
  return found.is === 'content' ? parseRecord(found.text) : undefined;
}

function parseRecord(text: string): StateRecord | undefined {
  try {
    const { path, marker, device, inode, bornNs } = JSON.parse(text) as Partial<Record<keyof StateRecord, unknown>>;
    if (![path, device, inode, bornNs].every((value) => typeof value === 'string')) return undefined;
    const kept = typeof marker === 'string' && isMarker(marker) ? marker : undefined;
    return { path, device, inode, bornNs, marker: kept } as StateRecord;
  } catch {
    return undefined;
  }
}
