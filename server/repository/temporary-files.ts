import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PrivateDirectory } from './private-directory.js';
import { isOwn } from './owner.js';
import type { Warn } from './private-state-warnings.js';

/** The names that {@link replacePrivateFile} gives to a file before its rename, and the file by which modes are proven. */
const TEMPORARY = /^(?:[^/]+\.[0-9a-f]{16}\.tmp|modes-[0-9a-f]{8})$/;
/** A process writes and renames such a file within milliseconds. It may be stopped in between, and go on. */
export const STALE_TEMPORARY_MS = 600_000;

interface Status {
  readonly mtimeMs: number | bigint;
  readonly uid: number | bigint;
  readonly nlink: number | bigint;
  isFile(): boolean;
}

/** Whether an entry is a file that a process of this user began to write and did not finish: never a link, and with one name only. */
const isStale = (name: string, stats: Status, now: number): boolean =>
  TEMPORARY.test(name) &&
  stats.isFile() &&
  isOwn({ uid: Number(stats.uid) }) &&
  Number(stats.nlink) === 1 &&
  now - Number(stats.mtimeMs) >= STALE_TEMPORARY_MS;

/** Removes the temporary files that killed processes have left in a private directory: they may hold a token. @returns their names. */
function removeStaleTemporaries(directory: PrivateDirectory, now: number): string[] {
  return directory.names().filter((name) => {
    const stats = TEMPORARY.test(name) ? directory.stats(name) : undefined;
    if (stats === undefined || !isStale(name, stats, now)) return false;
    directory.remove(name);
    return true;
  });
}

/**
 * Removes them, and says so. To be called by the server that has just signed the directory's lock: no other one is writing there, and the
 * time of that file is the present one by the clock of the file system.
 */
export function cleanUp(directory: PrivateDirectory, lock: string, warn: Warn): void {
  try {
    const signed = directory.stats(lock);
    const names = signed === undefined ? [] : removeStaleTemporaries(directory, Number(signed.mtimeMs));
    if (names.length > 0)
      warn({ directory: directory.path, names }, 'removed temporary files that a killed process has left');
  } catch (error) {
    warn({ err: error }, 'temporary files of a killed process cannot be removed');
  }
}

/** Finds such files at a path and removes none. @returns their paths; none of a directory that cannot be read. */
export function staleTemporaries(directory: string, now: number): string[] {
  try {
    const names = readdirSync(directory).filter((name) => TEMPORARY.test(name));
    return names
      .filter((name) => isStale(name, lstatSync(join(directory, name)), now))
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}
