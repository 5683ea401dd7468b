import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FileLock } from './file-lock.js';
import { isMarker, RepositoryIdentity, type IdentityRecord } from './identity.js';
import { PrivateDirectory } from './private-directory.js';
import { readPrivateFile } from './private-file.js';
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
    /** Repositories that are gone, whose state was removed on this occasion. */
    readonly pruned: readonly string[],
  ) {}

  /** @throws TrustError where others could have put something in its place. */
  static async open(location: StateLocation, root: string, identity: RepositoryIdentity): Promise<StateDirectory> {
    const all = PrivateDirectory.within(makeStateHome(location.home), ALL_STATE);
    try {
      await claim(all, location.key, root, identity);
      // Tidying up for others is no reason not to serve.
      const pruned = await prune(all, Date.now()).catch(() => []);
      const directory = all.directory(location.key);
      return new StateDirectory(directory, recordIn(directory)?.marker, pruned);
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

/** Private state whose repository is not there any more. */
export interface AbandonedState {
  /** Its name among all. */
  readonly name: string;
  readonly path: string;
  /** Where the repository was when it was last served. */
  readonly repository: string;
  /** When a server last made or removed anything in it, Unix milliseconds. */
  readonly lastUsedMs: number;
}

/** State that nobody has used for so long is removed, where its repository is proven to be gone. */
export const KEEP_ABANDONED_MS = 30 * 24 * 3_600_000;

/**
 * The state of repositories that are proven to be gone: nothing is at their path, and the file system that they were on is there to
 * be asked. One that was moved and not served since looks the same. Makes nothing, and holds what it cannot see to be in use.
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

/** A path that is missing because its file system is not mounted proves nothing: the nearest directory is on another then. */
function isGone({ path, device }: StateRecord): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
  for (let at = dirname(path); ; at = dirname(at)) {
    const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined) return String(stats.dev) === device;
    if (at === dirname(at)) return false;
  }
}

/** Removes what has been abandoned for long and is locked by nobody. @returns the repositories whose state it was. */
async function prune(all: PrivateDirectory, now: number): Promise<string[]> {
  const pruned: string[] = [];
  for (const { name, repository, lastUsedMs } of abandonedStates(all.path)) {
    if (now - lastUsedMs < KEEP_ABANDONED_MS) continue;
    const directory = all.directory(name);
    try {
      const result = await FileLock.acquire(directory, STATE_LOCK_FILE);
      if (result.is === 'held') continue;
      rmSync(all.pathOf(name), { recursive: true, force: true });
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
