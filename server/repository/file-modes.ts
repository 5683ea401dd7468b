import { closeSync, fchmodSync, fstatSync, lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { fileSystemAt, mayLackModes } from './file-system.js';
import { removePatiently } from './held-files.js';
import { currentUser } from './owner.js';

const FOR_OTHERS = 0o077;

/**
 * The file systems that were proven to keep no modes, by device: a file that was made with mode 0600 is shown as open to others there.
 * The proof is valid for the whole process, because it is a property of the mount.
 */
const withoutModes = new Set<string>();

/**
 * Whether a process without the proof, such as a client that writes nothing, can expect that a path's file system keeps modes. On a type
 * that may keep them or not, such as FUSE, a directory that is closed to others shows that it does: the server closes its own.
 */
export function keepsModes(path: string, dev: number | bigint): boolean {
  if (withoutModes.has(String(dev))) return false;
  if (process.platform !== 'linux') return true;
  try {
    return !mayLackModes(fileSystemAt(path)) || !isOpenToOthers(lstatSync(dirname(path)));
  } catch {
    return true;
  }
}

/** Whether a device was proven to keep no modes. */
export const isProvenWithoutModes = (dev: number | bigint): boolean => withoutModes.has(String(dev));

/** Whether a mode lets others use a file. Always false on Windows, which keeps permissions elsewhere. */
export const isOpenToOthers = ({ mode }: Pick<Stats, 'mode'>): boolean =>
  currentUser() !== undefined && (mode & FOR_OTHERS) !== 0;

/**
 * Closes an open file to others. A new file of this process that stays open to others proves that its file system has no file modes.
 * @throws Error if the mode cannot be changed for another reason
 */
export function closeToOthers(file: number, mode: number, isNew: boolean): void {
  if (currentUser() === undefined) return;
  if ((fstatSync(file).mode & 0o777) === mode) return;
  try {
    fchmodSync(file, mode);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Where the mode is only stricter than asked for, nothing is lost.
    if (isOpenToOthers(fstatSync(file)) && !isNew) throw error;
  }
  const stats = fstatSync(file);
  if (isNew && isOpenToOthers(stats)) withoutModes.add(String(stats.dev));
}

/** Finds out by a new file whether a directory's file system keeps modes. @param make makes a new private file in it. */
export function proveModes(path: string, make: (path: string) => number): boolean {
  const file = make(path);
  try {
    return !withoutModes.has(String(fstatSync(file).dev));
  } finally {
    closeSync(file);
    removePatiently(path);
  }
}

/** The answers of a file system that cannot change modes, such as that of Windows' drives in WSL. */
export const isRefusal = (error: unknown): boolean =>
  /^(EPERM|EACCES|ENOTSUP|EOPNOTSUPP|ENOSYS|EINVAL)$/.test((error as NodeJS.ErrnoException).code ?? '');
