import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { isNaive, type Kind, type Problem } from '../../protocol/index.js';
import type { Change, Signature } from '../store/change.js';
import { lstat, type CoordinationDir } from './coordination-dir.js';
import { leaseTime } from '../store/record-store.js';
import { parseRecord } from './record-parser.js';

/** A reading that says nothing of the record, because the machine could not do it now; the last good data stands. */
export interface Unavailable {
  readonly is: 'unavailable';
  readonly error: NodeJS.ErrnoException;
}

export type Reading = Change | Unavailable;

export interface RecordReaderServices {
  readonly dir: CoordinationDir;
  /** Bytes of a file; a longer one is told by its size and never read. */
  readonly maxBytes: number;
  /** Depth of nesting. */
  readonly maxDepth: number;
  /** Whether a record may be taken in at all. */
  admits(kind: Kind, id: string): boolean;
  /** Takes what is accepted and yet worth a word. */
  warn(kind: Kind, id: string, warning: string): void;
}

// Without following a link, and without waiting for the other end of a pipe.
// Windows knows neither flag, and `undefined` counts as 0 here.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A file that is still being written after so many more readings is taken as it is: its next hint is on the way. */
const MOST_READINGS = 3;

const PROBLEM_BY_ERROR: Readonly<Record<string, Problem>> = {
  ELOOP: 'link',
  EMLINK: 'link',
  EACCES: 'unreadable',
  EPERM: 'unreadable',
  EIO: 'unreadable',
  EISDIR: 'not-a-file',
  ENXIO: 'not-a-file',
  ENODEV: 'not-a-file',
  EOPNOTSUPP: 'not-a-file',
};

/** Reads one record's file, synchronously: for a small file that costs less than a trip through the thread pool. */
export class RecordReader {
  readonly #buffer: Buffer;

  constructor(private readonly services: RecordReaderServices) {
    this.#buffer = Buffer.allocUnsafe(services.maxBytes + 1);
  }

  read(kind: Kind, id: string): Reading {
    // For a record that is not wanted it is as if there were no file.
    if (!this.services.admits(kind, id)) return { is: 'absent', kind, id };
    const path = this.services.dir.file(kind, id);
    let file: number;
    try {
      file = openSync(path, OPEN_FLAGS);
    } catch (error) {
      return this.#failed(kind, id, path, error as NodeJS.ErrnoException);
    }
    try {
      return this.#readOpen(kind, id, file);
    } catch (error) {
      return this.#failed(kind, id, path, error as NodeJS.ErrnoException);
    } finally {
      closeSync(file);
    }
  }

  #readOpen(kind: Kind, id: string, file: number): Reading {
    let stats = fstatSync(file, { bigint: true });
    let signature = signatureOf(stats);
    const broken = (problem: Problem): Change => ({ is: 'broken', kind, id, problem, signature });
    if (!stats.isFile()) return broken('not-a-file');
    const { maxBytes, maxDepth } = this.services;
    if (stats.size > maxBytes) return broken('too-large');
    let length = this.#fill(file, signature.size);
    // Written since it was looked at: a signature older than what was read would make the same state an event again. One that
    // is newer could hide a change, so that it is looked at and read again, in this order.
    for (let more = 0; length !== signature.size && more < MOST_READINGS; more++) {
      stats = fstatSync(file, { bigint: true });
      signature = signatureOf(stats);
      length = this.#fill(file, signature.size);
    }
    if (length > maxBytes) return broken('too-large');
    const parsed = parseRecord(this.#buffer.subarray(0, length), maxDepth);
    if (parsed.is === 'problem') return broken(parsed.problem);
    if (stats.nlink > 1n) this.services.warn(kind, id, 'hard link: changes through its other names give no hints');
    for (const warning of parsed.warnings) this.services.warn(kind, id, warning);
    const time = leaseTime(kind, parsed.data);
    if (typeof time === 'string' && isNaive(time)) this.services.warn(kind, id, `no time zone: ${time} is read as UTC`);
    return { is: 'present', kind, id, signature, data: parsed.data };
  }

  /** Reads to the end of the file or of the buffer, whichever comes first. */
  #fill(file: number, expected: number): number {
    let length = 0;
    for (;;) {
      const count = readSync(file, this.#buffer, length, this.#buffer.length - length, length);
      length += count;
      // A file that holds as much as it said it does has ended: most take one call.
      if (count === 0 || length === expected || length === this.#buffer.length) return length;
    }
  }

  #failed(kind: Kind, id: string, path: string, error: NodeJS.ErrnoException): Reading {
    const code = error.code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return { is: 'absent', kind, id };
    const problem = PROBLEM_BY_ERROR[code];
    if (problem === undefined) return { is: 'unavailable', error };
    return { is: 'broken', kind, id, problem, signature: signatureAt(path) };
  }
}

export function signatureOf(stats: BigIntStats): Signature {
  return { inode: Number(stats.ino), mtimeNs: stats.mtimeNs, size: Number(stats.size) };
}

/** @returns `undefined` where there is nothing, or nothing that can be looked at. */
export function signatureAt(path: string): Signature | undefined {
  try {
    const stats = lstat(path);
    return stats && signatureOf(stats);
  } catch {
    return undefined;
  }
}
