import type { PrivateReading } from '../repository/index.js';

/** A file that is read and written in place. */
export interface OpenFile {
  /** @returns the number of bytes that were read into the beginning of the buffer. */
  read(into: Uint8Array, at: number): number;
  write(bytes: Uint8Array, at: number): void;
  /** Sets its time of modification, Unix milliseconds, which also changes its time of change. */
  setModified(atMs: number): void;
  close(): void;
}

/** What the journal asks of a file's status. */
export interface FileStatus {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** A directory that only this user can use, as the journal needs it. Each call throws the file system's error. */
export interface JournalStorage {
  /** Opens a directory in this one, and makes it if it is missing. */
  directory(name: string): JournalStorage;
  /** Whether the directory's path still leads to it. */
  isIntact(): boolean;
  names(): string[];
  /** @returns the status of a file; `undefined` if there is none. */
  stats(name: string): FileStatus | undefined;
  read(name: string, maxBytes: number): PrivateReading;
  /** Replaces a file at once: readers see the old content or the new. @param isDurable whether it is on the disk on return. */
  replace(name: string, content: string, isDurable: boolean): void;
  /** Opens a file to read and write, and makes it if it is missing. */
  openFile(name: string): OpenFile;
  /** Returns the path of a file, for a table that is opened by path. Makes the file if it is missing. */
  fileFor(name: string): string;
  remove(name: string): void;
  rename(from: string, to: string): void;
  /** Flushes the directory: earlier renames and removals in it are on the disk on return. */
  sync(): void;
  close(): void;
}
