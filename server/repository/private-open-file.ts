import { closeSync, futimesSync, readSync, writeSync } from 'node:fs';

/** A file that is read and written in place. */
export class PrivateOpenFile {
  constructor(private readonly file: number) {}

  /** @returns the number of bytes that were read into the beginning of the buffer. */
  read(into: Uint8Array, at: number): number {
    return readSync(this.file, into, 0, into.length, at);
  }

  write(bytes: Uint8Array, at: number): void {
    writeSync(this.file, bytes, 0, bytes.length, at);
  }

  setModified(atMs: number): void {
    futimesSync(this.file, atMs / 1_000, atMs / 1_000);
  }

  close(): void {
    closeSync(this.file);
  }
}
