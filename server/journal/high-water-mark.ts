import { revision, type Epoch, type Revision } from '../../protocol/index.js';
import { crc32 } from 'node:zlib';
import type { JournalDir } from './journal-dir.js';
import type { OpenFile } from './storage.js';

const MARK_BYTES = 12;
/** So many more revisions are taken in advance, so that a stream of turns writes the mark once and not each time. */
const AHEAD = 1_000;

/**
 * The last revision that may have been sent to anybody, in twelve bytes of a file, written before a turn's fan-out.
 * The kernel holds them from the return of the call on, so that they outlive the process, though not the machine; that
 * costs 2 µs, or 20 after a rest, where a write that waits for the disk would cost milliseconds.
 *
 * Where it is ahead of the table, nobody knows what has been sent, be it ahead by one or by a thousand. So it may be ahead
 * by a thousand for as long as events wait for the disk, and is exact when none do.
 */
export class HighWaterMark {
  readonly #bytes = Buffer.alloc(MARK_BYTES);
  #file: OpenFile | undefined;
  #seed = 0;
  /** What it says. */
  #last = 0;

  constructor(private readonly dir: JournalDir) {}

  /** Opens the mark for an epoch and sets it. @throws Error where it cannot be written. */
  open(epoch: Epoch, last: Revision): void {
    this.close();
    this.#seed = crc32(Buffer.from(epoch));
    this.#file = this.dir.openMark();
    this.set(last);
  }

  /** Sees to it that the mark is not before a revision. @throws Error where it cannot be written. */
  advanceTo(last: Revision): void {
    if (last > this.#last) this.set(revision(last + AHEAD));
  }

  /** @throws Error where it cannot be written. */
  set(last: Revision): void {
    if (this.#file === undefined) return;
    const bytes = this.#bytes;
    bytes.writeDoubleLE(last, 0);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 8), this.#seed), 8);
    this.#file.write(bytes, 0);
    this.#last = last;
  }

  /** @returns `undefined` where there is none of this epoch. */
  read(epoch: Epoch): Revision | undefined {
    const bytes = this.#readBytes();
    if (bytes === undefined) return undefined;
    const check = crc32(bytes.subarray(0, 8), crc32(Buffer.from(epoch)));
    return bytes.readUInt32LE(8) === check ? revision(bytes.readDoubleLE(0)) : undefined;
  }

  /** A file that does not close in order (a full disk, NFS) has kept what it has kept, and is checked when it is read. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    try {
      file?.close();
    } catch {
      // What the mark says is not told by its close.
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
