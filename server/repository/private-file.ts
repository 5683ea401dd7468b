import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { currentUser, isOwn } from './owner.js';

/** What a private file says, or why it is not believed. */
export type PrivateReading =
  | { readonly is: 'content'; readonly text: string }
  | { readonly is: 'absent' }
  /** It is no file of this user's alone; `why` follows its path in a sentence. */
  | { readonly is: 'refused'; readonly why: string };

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const PRIVATE_MODE = 0o600;

/**
 * @returns why a file may have been written or read by others; `undefined` where it is this user's alone. A file with a second
 *   name is somebody's attempt to have us write to the other one.
 */
export function privateFault(stats: Pick<Stats, 'mode' | 'uid' | 'nlink' | 'isFile'>): string | undefined {
  if (!stats.isFile()) return 'is no regular file';
  // Windows keeps permissions elsewhere: the directory in the user's profile is what protects there.
  if (currentUser() === undefined) return undefined;
  if (!isOwn(stats)) return `belongs to user ${String(stats.uid)}`;
  if ((stats.mode & 0o077) !== 0) return `has mode ${(stats.mode & 0o777).toString(8)}: others may use it`;
  return stats.nlink > 1 ? 'has a second name (a hard link)' : undefined;
}

/** Reads a file that only this user can have written. @throws Error where the file system does not answer. */
export function readPrivateFile(path: string, maxBytes: number): PrivateReading {
  let file: number;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    return refusalOf(error);
  }
  try {
    const stats = fstatSync(file);
    const fault = privateFault(stats);
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

/** A file may grow while it is read: no more is taken than is allowed. */
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

/** Makes a file that was not there, private whatever the umask says. @returns its descriptor. @throws Error `EEXIST` */
export function createPrivateFile(path: string): number {
  const file = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_MODE);
  try {
    if (currentUser() !== undefined) fchmodSync(file, PRIVATE_MODE);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Opens a private file to read and write, and makes it where it is missing.
 * @throws PrivateFileError where what is there is not this user's alone; it is not touched.
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
      // Another process has made it in between, or a link that leads nowhere is there.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || isLink(path)) throw faultOf(path, error);
    }
  }
}

function openProven(path: string): number {
  let file: number;
  try {
    file = openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? error : faultOf(path, error);
  }
  const fault = privateFault(fstatSync(file));
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

/** There is something at a private file's path that was not made by us. */
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
 * Whoever reads sees the old content or the new one, and never anyone else's. What is at the path is replaced, not written to.
 * @param isDurable whether it is to be on the disk when this returns.
 */
export function replacePrivateFile(path: string, content: string, isDurable = false): void {
  const temporary = writeTemporary(path, content, isDurable);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Makes a file with this content where there is none; of several who do so at once one prevails. */
export function makePrivateFileOnce(path: string, content: string): void {
  const temporary = writeTemporary(path, content, false);
  try {
    linkSync(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // A file system without hard links: whoever is last prevails.
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeTemporary(path: string, content: string, isDurable: boolean): string {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  const file = createPrivateFile(temporary);
  try {
    writeFileSync(file, content);
    if (isDurable) fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return temporary;
}

/**
 * Puts zeros where a file is shorter than this: for who writes to it through a map, where a missing page is fatal.
 * @returns how long it was.
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

export function removePrivateFile(path: string): void {
  rmSync(path, { force: true });
}
