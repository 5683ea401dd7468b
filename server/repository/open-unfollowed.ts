import { closeSync, constants, fstatSync, lstatSync, openSync, type BigIntStats } from 'node:fs';

/** The calls by which a file is opened, so that a test can be a system without O_NOFOLLOW. */
export interface OpenCalls {
  open(path: string, flags: number): number;
  close(file: number): void;
  /** The status of the entry at a path, without following a link; `undefined` if there is none. */
  look(path: string): BigIntStats | undefined;
  /** The status of an open file. */
  status(file: number): BigIntStats;
}

/** Windows has no flag that makes the kernel refuse a link. Its type says that there is always one. */
const HAS_NO_FOLLOW = (constants.O_NOFOLLOW as number | undefined) !== undefined && process.platform !== 'win32';

/**
 * Opens a file, and refuses a link at its path with ELOOP. Where the system cannot do that, the entry is looked at before, and what was
 * opened must be the same file: a link that is put there in between leads to another one.
 */
export function openUnfollowed(path: string, flags: number, calls: OpenCalls, hasNoFollow = HAS_NO_FOLLOW): number {
  if (hasNoFollow) return calls.open(path, flags | constants.O_NOFOLLOW);
  const before = calls.look(path);
  if (before?.isSymbolicLink() === true) throw linkError(path);
  const file = calls.open(path, flags);
  try {
    const opened = calls.status(file);
    // A file that was made by this call is compared with the entry that it has now.
    const entry = before ?? calls.look(path);
    if (entry?.ino !== opened.ino || entry.dev !== opened.dev) throw linkError(path);
    return file;
  } catch (error) {
    calls.close(file);
    throw error;
  }
}

function linkError(path: string): Error {
  return Object.assign(new Error(`ELOOP: a symbolic link, or replaced while it was opened: ${path}`), {
    code: 'ELOOP',
  });
}

/** Opens a private file by the system's calls. */
export function openOwn(path: string, flags: number, mode?: number): number {
  return openUnfollowed(path, flags, {
    open: (at, with_) => openSync(at, with_, mode),
    close: closeSync,
    look: (at) => lstatSync(at, { bigint: true, throwIfNoEntry: false }),
    status: (file) => fstatSync(file, { bigint: true }),
  });
}
