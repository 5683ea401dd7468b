import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  readSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { closeToOthers, isOpenToOthers, keepsModes } from './file-modes.js';
import { openOwn } from './open-unfollowed.js';
import { currentUser, isOwn } from './owner.js';
import { removePatiently, renamePatiently } from './held-files.js';

/** The content of a private file, or the reason why it is not trusted. */
export type PrivateReading =
  | { readonly is: 'content'; readonly text: string }
  | { readonly is: 'absent' }
  /** The file is not private to this user; `why` follows its path in a sentence. */
  | { readonly is: 'refused'; readonly why: string };

const { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const PRIVATE_MODE = 0o600;

type FileStatus = Pick<Stats, 'mode' | 'uid' | 'nlink' | 'dev' | 'isFile'>;

/**
 * @returns why other users may have written or read a file; `undefined` if it is private to this user. A file with a second
 *   name is refused, because another user may have made the link so that this program writes to that file. Where the file system keeps
 *   no modes, a mode says nothing; the server warns of that.
 */
function privateFault(stats: FileStatus, path: string): string | undefined {
  if (!stats.isFile()) return 'is no regular file';
  // Windows keeps permissions elsewhere. There the directory in the user's profile protects the file.
  if (currentUser() === undefined) return undefined;
  if (!isOwn(stats)) return `belongs to user ${String(stats.uid)}`;
  if (isOpenToOthers(stats) && keepsModes(path, stats.dev))
    return `has mode ${(stats.mode & 0o777).toString(8)}: others may use it`;
  return stats.nlink > 1 ? 'has a second name (a hard link)' : undefined;
}

/** Reads a file that only this user can have written. @throws Error if the error of the system says nothing about the file. */
export function readPrivateFile(path: string, maxBytes: number): PrivateReading {
  let file: number;
  try {
    file = openOwn(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    return refusalOf(error);
  }
  try {
    const stats = fstatSync(file);
    const fault = privateFault(stats, path);
    if (fault !== undefined) return { is: 'refused', why: fault };
    if (stats.size > maxBytes) return { is: 'refused', why: `is longer than ${String(maxBytes)} bytes` };
    return { is: 'content', text: readAll(file, maxBytes) };
  } finally {
    closeSync(file);
  }
}

function refusalOf(error: unknown): PrivateReading {
  const { code = '' } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { is: 'absent' };
    case 'ELOOP':
    case 'EMLINK':
      return { is: 'refused', why: 'is a symbolic link' };
    case 'EACCES':
    case 'EPERM':
      return { is: 'refused', why: 'may not be read by this user' };
    case 'ENXIO':
      return { is: 'refused', why: 'is no regular file' };
    default:
      throw error;
  }
}

/** Reads at most `maxBytes`, because a file may grow while it is read. */
function readAll(file: number, maxBytes: number): string {
  const bytes = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const count = readSync(file, bytes, length, maxBytes - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.toString('utf8', 0, length);
}

/** Makes a new file that is private under any umask. @returns its descriptor. @throws Error `EEXIST` if there is one. */
export function createPrivateFile(path: string): number {
  const file = openOwn(path, O_RDWR | O_CREAT | O_EXCL, PRIVATE_MODE);
  try {
    closeToOthers(file, PRIVATE_MODE, true);
    return file;
  } catch (error) {
    closeSync(file);
    removePatiently(path);
    throw error;
  }
}

/**
 * Opens a private file to read and write, and makes it if it is missing.
 * @throws PrivateFileError if the file at the path is not private to this user; it is not changed.
 */
export function openPrivateFile(path: string): number {
  for (;;) {
    try {
      return openProven(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    try {
      return createPrivateFile(path);
    } catch (error) {
      // Another process has made it in between, or there is a link that leads nowhere.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || isLink(path)) throw faultOf(path, error);
    }
  }
}

function openProven(path: string): number {
  let file: number;
  try {
    file = openOwn(path, O_RDWR | O_NONBLOCK);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? error : faultOf(path, error);
  }
  const fault = privateFault(fstatSync(file), path);
  if (fault === undefined) return file;
  closeSync(file);
  throw new PrivateFileError(path, fault);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function faultOf(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EISDIR' || code === 'ENXIO') return new PrivateFileError(path, 'is no regular file');
  return code === 'ELOOP' || code === 'EMLINK' || code === 'EEXIST'
    ? new PrivateFileError(path, 'is a symbolic link')
    : error;
}

/** Names a file in an error of the system, which names a descriptor instead, or nothing when a write has failed. @returns the error. */
export function namedBy(path: string, error: unknown): unknown {
  return error instanceof Error && 'syscall' in error ? Object.assign(error, { path }) : error;
}

/** A private file's path holds something that is not a private file of this user. */
export class PrivateFileError extends Error {
  override readonly name = 'PrivateFileError';
  constructor(
    readonly path: string,
    /** Follows the path in a sentence. */
    readonly why: string,
  ) {
    super(`${path} ${why}`);
  }
}

/**
 * Replaces a file at once, by a rename. Readers see the old content or the new. A file at the path is never written to.
 * @param isDurable whether the content is on the disk on return. The rename is not: flush the directory.
 */
export function replacePrivateFile(path: string, content: string, isDurable = false): void {
  const temporary = writeTemporary(path, content, isDurable);
  try {
    renamePatiently(temporary, path);
  } catch (error) {
    removePatiently(temporary);
    throw error;
  }
}

/** Makes a file with this content if there is none. If several processes do so at once, one content remains. */
export function makePrivateFileOnce(path: string, content: string): void {
  const temporary = writeTemporary(path, content, false);
  try {
    linkSync(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // A file system without hard links: the last process prevails.
    renamePatiently(temporary, path);
  } finally {
    removePatiently(temporary);
  }
}

const temporaryPath = (path: string): string => `${path}.${randomBytes(8).toString('hex')}.tmp`;

function writeTemporary(path: string, content: string, isDurable: boolean): string {
  const temporary = temporaryPath(path);
  const file = createPrivateFile(temporary);
  try {
    writeFileSync(file, content);
    if (isDurable) fsyncSync(file);
  } catch (error) {
    removePatiently(temporary);
    throw error;
  } finally {
    closeSync(file);
  }
  return temporary;
}

/**
 * Fills a file that is shorter than `bytes` with zeros, for a program that maps it: there a page without room on the disk is
 * fatal.
 * @returns the length before, in bytes.
 */
export function reservePrivateFile(path: string, bytes: number): number {
  const file = openPrivateFile(path);
  try {
    const { size } = fstatSync(file);
    if (size < bytes) writeFileSync(file, Buffer.alloc(bytes));
    return size;
  } finally {
    closeSync(file);
  }
}
