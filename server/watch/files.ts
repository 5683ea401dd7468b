import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import { basename } from 'node:path';

/** The calls on an open directory. */
export interface OpenDirectory {
  readSync(): { readonly name: string } | null;
  closeSync(): void;
}

/** All calls by which the watch reaches files, so that a test can make any of them fail. */
export interface Files {
  open(path: string, flags: number): number;
  close(file: number): void;
  /** The status of an open file. */
  status(file: number): BigIntStats;
  read(file: number, buffer: Buffer, offset: number, length: number, position: number): number;
  /** The status of the entry at a path, without following a link; `undefined` if there is none. */
  look(path: string): BigIntStats | undefined;
  /** The status of the file that a path leads to, through links; `undefined` if there is none. */
  follow(path: string): BigIntStats | undefined;
  /** A file's name as its directory lists it, which may differ in case from the path; `undefined` if only a listing can tell. */
  nameOf(path: string): string | undefined;
  /** Makes a directory. */
  make(path: string): void;
  /** @param readAhead names fetched from the kernel at a time. */
  list(path: string, readAhead: number): OpenDirectory;
  /**
   * Checks that a directory can be opened to be listed, and waits for the change of its entries that is being made: on a local file system,
   * all hints of that change have been given when this returns. @throws the system's error if the directory cannot be listed.
   */
  probe(path: string): void;
}

/** A name of one byte more than a name can have. */
const NO_NAME = 'x'.repeat(256);

/** A change holds the lock of its directory until its hints are given. Listing takes that lock, and fetches hundreds of names at once. */
function probeByListing(path: string): void {
  const directory = opendirSync(path, { bufferSize: 1 });
  try {
    directory.readSync();
  } finally {
    directory.closeSync();
  }
}

/**
 * On Linux the lock is also taken by the search for a name that the kernel does not remember. It remembers a name that was not found, but
 * not one that is too long. So this costs the same however many entries there are: a listing of 20,000 takes 0.4 ms for the first name.
 */
function probeByName(path: string): void {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    existsSync(`${path}/${NO_NAME}`);
  } finally {
    closeSync(directory);
  }
}

export const systemFiles: Files = {
  open: (path, flags) => openSync(path, flags),
  close: (file) => {
    closeSync(file);
  },
  status: (file) => fstatSync(file, { bigint: true }),
  read: (file, buffer, offset, length, position) => readSync(file, buffer, offset, length, position),
  look: (path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }),
  follow: (path) => statSync(path, { bigint: true, throwIfNoEntry: false }),
  nameOf: (path) => {
    // On other systems `realpath` returns the spelling that it was given.
    if (process.platform !== 'darwin' && process.platform !== 'win32') return undefined;
    try {
      return basename(realpathSync.native(path));
    } catch {
      return undefined;
    }
  },
  make: (path) => {
    mkdirSync(path);
  },
  list: (path, bufferSize) => opendirSync(path, { bufferSize }),
  probe: process.platform === 'linux' ? probeByName : probeByListing,
};

/** The code of an error that a call on files has thrown, such as `EACCES`. */
export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
