import type { PrivateReading } from '../repository/index.js';

/** A file that is read and written in place. */
export interface OpenFile {
  /** @returns how many bytes of the buffer were filled, from its beginning. */
  read(into: Uint8Array, at: number): number;
  write(bytes: Uint8Array, at: number): void;
  close(): void;
}

/** A directory of this user's alone, as the journal uses it. Each call throws what the file system says. */
export interface JournalStorage {
  /** A directory in this one, made where it is missing. */
  directory(name: string): JournalStorage;
  /** Whether its path still leads to it. */
  isIntact(): boolean;
  names(): string[];
  /** @returns `undefined` where there is nothing. */
  stats(name: string): { readonly ino: bigint; readonly size: bigint } | undefined;
  read(name: string, maxBytes: number): PrivateReading;
  /** Readers see the old content or the new one. @param isDurable whether it is on the disk on return. */
  replace(name: string, content: string, isDurable: boolean): void;
  /** Opens a file to read and write, and makes it where it is missing. */
  openFile(name: string): OpenFile;
  /** The path of a file, for a table that is opened by path; made where it is missing. */
  fileFor(name: string): string;
  remove(name: string): void;
  rename(from: string, to: string): void;
  /** What was renamed or removed in it is on the disk on return. */
  sync(): void;
  close(): void;
}
