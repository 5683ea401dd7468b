import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import type { Kind, Problem } from '../../protocol/index.js';
import type { Change, Signature } from '../store/change.js';
import { lstat, type CoordinationDir } from './coordination-dir.js';
import { parseRecord } from './record-parser.js';

/** A reading that says nothing of the record, because the machine could not do it now; the last good data stands. */
export interface Unavailable {
  readonly is: 'unavailable';
  readonly error: NodeJS.ErrnoException;
}

export type Reading = (Change & { readonly warnings?: readonly string[] }) | Unavailable;

// Without following a link, and without waiting for the other end of a pipe.
// Windows knows neither flag, and `undefined` counts as 0 here.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

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

  constructor(
    private readonly dir: CoordinationDir,
    private readonly maxBytes: number,
    private readonly maxDepth: number,
  ) {
    this.#buffer = Buffer.allocUnsafe(maxBytes + 1);
  }

  read(kind: Kind, id: string): Reading {
    const path = this.dir.file(kind, id);
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
    const stats = fstatSync(file, { bigint: true });
    const signature = signatureOf(stats);
    const broken = (problem: Problem): Change => ({ is: 'broken', kind, id, problem, signature });
    if (!stats.isFile()) return broken('not-a-file');
    if (stats.size > this.maxBytes) return broken('too-large');
    const length = this.#fill(file, signature.size);
    if (length > this.maxBytes) return broken('too-large');
    const parsed = parseRecord(this.#buffer.subarray(0, length), this.maxDepth);
    if (parsed.is === 'problem') return broken(parsed.problem);
    const warnings = stats.nlink > 1n ? [...parsed.warnings, 'hard link'] : parsed.warnings;
    return { is: 'present', kind, id, signature, data: parsed.data, warnings };
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
    if (code === 'ENOENT' || code === 'ENOTDIR') return { is: 'absent', kind, id };
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
