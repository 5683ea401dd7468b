import { createHash, randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { systemErrorWords } from '../../protocol/index.js';
import { keepsModes, proveModes } from './file-modes.js';
import { ancestorFault, isOwn, isWritableByOthers } from './owner.js';
import { createPrivateFile, readPrivateFile, type PrivateReading } from './private-file.js';
import { TrustError } from './trust-error.js';
import { stateHome, surroundings } from './user-directories.js';

const PROGRAM = 'muse-bus';

/** The location of a repository's private state. */
export interface StateLocation {
  /** The user's directory for the state of programs. */
  readonly home: string;
  /** The directory in it with the state of all repositories. */
  readonly all: string;
  /** The name of this repository's directory in `all`. */
  readonly key: string;
  /** The whole path of this repository's directory. */
  readonly path: string;
}

/**
 * Returns the location of a repository's state. It is outside of the checkout, so that no file of a checkout can be in it. It
 * is derived from the repository's real path, so that a client that knows the repository finds it.
 * @param stateDir the directory for the state of programs, if the user has named one.
 */
export function stateLocation(root: string, stateDir?: string, env?: NodeJS.ProcessEnv): StateLocation {
  const home = resolve(stateHome(stateDir, surroundings(env)));
  const all = join(home, PROGRAM);
  const key = createHash('sha256').update(realPath(root)).digest('hex').slice(0, 32);
  return { home, all, key, path: join(all, key) };
}

export function realPath(path: string): string {
  return realpathSync.native(path);
}

/** Makes the home if it is missing. @returns its real path. @throws TrustError if other users could replace it. */
export function makeStateHome(home: string): string {
  const existing = realPath(nearestExisting(home));
  try {
    proveAncestors(existing);
  } catch (error) {
    // On a file system without modes everything looks open to everybody, and nothing can change that. The server says so.
    if (!(error instanceof TrustError) || error.fault !== 'writable' || !isWithoutModes(existing)) throw error;
    proveAncestors(existing);
  }
  try {
    makeDirectories(home);
  } catch (error) {
    const what = `cannot make ${home}, where private state is kept: ${systemErrorWords(error)}`;
    throw new TrustError('owner', what, ANOTHER_PLACE, { cause: error });
  }
  const real = realPath(home);
  proveAncestors(real);
  return real;
}

/** Reads a file of a repository's state. Makes no directory. */
export function readStateFile({ home, all, path }: StateLocation, name: string, maxBytes: number): PrivateReading {
  try {
    for (const directory of [all, path]) {
      const stats = lstatSync(directory, { throwIfNoEntry: false });
      if (stats === undefined) return { is: 'absent' };
      if (!stats.isDirectory() || !isOwn(stats) || (isWritableByOthers(stats) && keepsModes(directory, stats.dev))) {
        return { is: 'refused', why: `is in ${directory}, which is not this user's alone` };
      }
    }
    proveAncestors(realPath(home));
    return readPrivateFile(join(path, name), maxBytes);
  } catch (error) {
    if (error instanceof TrustError) return { is: 'refused', why: `cannot be trusted: ${error.message}` };
    return { is: 'absent' };
  }
}

/** Makes directories one by one, because Node's recursive `mkdir` reports ENOENT on a read-only file system. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

const ANOTHER_PLACE = 'name another directory with --state-dir or MUSE_BUS_STATE_DIR';

/** @param path a real path. @throws TrustError which names the first directory of the path that other users can change. */
function proveAncestors(path: string): void {
  if (process.getuid === undefined) return;
  const parts = path.split(sep);
  for (let count = 1; count <= parts.length; count++) {
    const directory = parts.slice(0, count).join(sep) || sep;
    const stats = lstatSync(directory);
    const fault = ancestorFault(stats);
    if (fault === undefined) continue;
    if (!fault.startsWith('belongs') && !keepsModes(directory, stats.dev)) continue;
    const what = `${directory}, above the private state, ${fault}`;
    throw new TrustError(fault.startsWith('belongs') ? 'owner' : 'writable', what, `mend that, or ${ANOTHER_PLACE}`);
  }
}

function isWithoutModes(directory: string): boolean {
  try {
    return !proveModes(join(directory, `.modes-${randomBytes(4).toString('hex')}`), createPrivateFile);
  } catch {
    return false;
  }
}

function nearestExisting(path: string): string {
  for (let at = path; ; at = dirname(at)) if (existsSync(at) || at === dirname(at)) return at;
}
