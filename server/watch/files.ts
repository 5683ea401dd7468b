import {
  closeSync,
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
};

/** The code of an error that a call on files has thrown, such as `EACCES`. */
export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
