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

/** What is asked of an open directory. */
export interface OpenDirectory {
  readSync(): { readonly name: string } | null;
  closeSync(): void;
}

/** The calls by which the watched files are reached: all of them, so that a test can have any of them fail. */
export interface Files {
  open(path: string, flags: number): number;
  close(file: number): void;
  /** Of an open file. */
  status(file: number): BigIntStats;
  read(file: number, buffer: Buffer, offset: number, length: number, position: number): number;
  /** Of what is at a path, without following a link there; `undefined` where there is nothing. */
  look(path: string): BigIntStats | undefined;
  /** Of what a path leads to; `undefined` where it leads to nothing. */
  follow(path: string): BigIntStats | undefined;
  /** A file's name as its directory lists it, by whatever spelling it was found; `undefined` where only a listing would tell. */
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
    // Elsewhere a path is spelled as it was asked for.
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

/** The code of what a call on files has thrown, such as `EACCES`. */
export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
