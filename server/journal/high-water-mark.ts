import { revision, type Epoch, type Revision } from '../../protocol/index.js';
import { crc32 } from 'node:zlib';
import type { JournalDir } from './journal-dir.js';
import type { OpenFile } from './storage.js';

/** A revision, and when the header was written. */
const CONTENT_BYTES = 16;
const MARK_BYTES = CONTENT_BYTES + 4;
/** The time of change in a mark that has not joined a header: it may have been written or not. */
const ANY_HEADER = 0n;
/** The mark is set ahead by this many revisions, so that many turns need only one write of it. */
const AHEAD = 1_000;

/**
 * The last revision that may have been sent to a client, in twenty bytes of a file, written before a turn's fan-out. When the
 * call returns, the kernel has the bytes, so that they survive the end of the process, but not a crash of the machine. This
 * costs 2 µs, or 20 µs after a pause; a write that waits for the disk would cost milliseconds.
 *
 * If the mark is ahead of the table, it is not known which events in between were sent, whether it is ahead by one or by a
 * thousand. So it may be ahead by a thousand while events wait for the disk, and it is exact when none wait.
 *
 * It also has the time of change (ctime) of the header, which no program can set. An older header and mark that were put back do not
 * belong together: their revisions were used again.
 */
export class HighWaterMark {
  readonly #bytes = Buffer.alloc(MARK_BYTES);
  #file: OpenFile | undefined;
  #seed = 0;
  #headerChangedAt = ANY_HEADER;
  /** The revision in the file. */
  #last = 0;

  constructor(private readonly dir: JournalDir) {}

  /** Whether the mark is kept: its file is open, and each write has succeeded. */
  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** Opens the mark for an epoch and sets it, for any header until it joins one. @throws Error if it cannot be written. */
  open(epoch: Epoch, last: Revision): void {
    this.close();
    this.#seed = crc32(Buffer.from(epoch));
    this.#file = this.dir.openMark();
    this.#headerChangedAt = ANY_HEADER;
    this.set(last);
  }

  /** Makes the mark belong to the header that there is. To be called when that was written. @throws Error if the mark cannot be written. */
  joinHeader(): void {
    this.#headerChangedAt = this.dir.headerChangedAt();
    this.set(revision(this.#last));
  }

  /** Sets the mark ahead if it is before a revision. @throws Error if it cannot be written. */
  advanceTo(last: Revision): void {
    if (last > this.#last) this.set(revision(last + AHEAD));
  }

  /** Sets the mark to exactly this revision. @throws Error if it cannot be written. */
  set(last: Revision): void {
    if (this.#file === undefined) return;
    const bytes = this.#bytes;
    bytes.writeDoubleLE(last, 0);
    bytes.writeBigInt64LE(this.#headerChangedAt, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, CONTENT_BYTES), this.#seed), CONTENT_BYTES);
    this.#file.write(bytes, 0);
    this.#last = last;
  }

  /** @returns the revision in the file; `undefined` if there is no mark of this epoch and of the header that there is. */
  read(epoch: Epoch): Revision | undefined {
    const bytes = this.#readBytes();
    if (bytes === undefined) return undefined;
    const check = crc32(bytes.subarray(0, CONTENT_BYTES), crc32(Buffer.from(epoch)));
    const changedAt = bytes.readBigInt64LE(8);
    const isOfHeader = changedAt === ANY_HEADER || changedAt === this.dir.headerChangedAt();
    return isOfHeader && bytes.readUInt32LE(CONTENT_BYTES) === check ? revision(bytes.readDoubleLE(0)) : undefined;
  }

  /** Closes the file. Ignores errors (full disk, NFS), because the checksum is verified when the mark is read. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    try {
      file?.close();
    } catch {
      // An error here says nothing about the content of the mark.
    }
  }

  #readBytes(): Buffer | undefined {
    let file: OpenFile | undefined;
    try {
      file = this.dir.openExistingMark();
      if (file === undefined) return undefined;
      const bytes = Buffer.alloc(MARK_BYTES);
      return file.read(bytes, 0) === MARK_BYTES ? bytes : undefined;
    } catch {
      return undefined;
    } finally {
      file?.close();
    }
  }
}
