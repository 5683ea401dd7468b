import { constants, type BigIntStats } from 'node:fs';
import { isNaive, leaseTime, type Kind, type Problem } from '../../protocol/index.js';
import type { Broken, Change, Signature } from '../store/change.js';
import { fingerprintOf, UNSUPERVISED, type Fingerprint, type Supervision } from '../runtime/supervisor.js';
import type { CheckedDirectories } from './checked-directories.js';
import { errorCode, type Files } from './files.js';
import { parseRecord } from './record-parser.js';

/**
 * A reading that says nothing of the record: the file is there and cannot be read, by its permissions, or because the
 * machine could not do it now. What was known of it stands.
 */
export interface Unavailable {
  readonly is: 'unavailable';
  readonly kind: Kind;
  readonly id: string;
  readonly error: NodeJS.ErrnoException;
}

/** A reading of nothing: the directory that should hold the file is not the one that was checked. */
export interface Unseen {
  readonly is: 'unseen';
}

export type Reading = Change | Unavailable | Unseen;

const UNSEEN: Unseen = { is: 'unseen' };

export interface RecordReaderServices {
  readonly directories: CheckedDirectories;
  /** Bytes of a file; a longer one is told by its size and never read. */
  readonly maxBytes: number;
  /** Depth of nesting. */
  readonly maxDepth: number;
  /** @default errors are thrown on */
  readonly supervision?: Supervision | undefined;
  /** Whether a record may be taken in at all. */
  admits(kind: Kind, id: string): boolean;
  /** Takes what is accepted and yet worth a word. */
  warn(kind: Kind, id: string, warning: string): void;
}

// Without following a link, and without waiting for the other end of a pipe.
// Windows knows neither flag, and `undefined` counts as 0 here.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A file that is still being written after so many more readings is taken as it is: its next hint is on the way. */
const MAX_READINGS = 3;

const PROBLEM_BY_ERROR: Readonly<Record<string, Problem>> = {
  ELOOP: 'link',
  EMLINK: 'link',
  EISDIR: 'not-a-file',
  ENXIO: 'not-a-file',
  ENODEV: 'not-a-file',
  EOPNOTSUPP: 'not-a-file',
};

/** Reads one record's file, synchronously: for a small file that costs less than a trip through the thread pool. */
export class RecordReader {
  readonly #buffer: Buffer;
  /** Bytes in the buffer. */
  #length = 0;

  constructor(private readonly services: RecordReaderServices) {
    this.#buffer = Buffer.allocUnsafe(services.maxBytes + 1);
  }

  /** Of a record's file as it is now, for the log: others may have been read since. */
  fingerprint(kind: Kind, id: string): Fingerprint {
    try {
      this.read(kind, id);
    } catch {
      // Its bytes are what is asked for, whatever comes of them.
    }
    return { kind, id, ...this.#fingerprint() };
  }

  #fingerprint(): Fingerprint {
    return fingerprintOf(this.#buffer.subarray(0, this.#length));
  }

  read(kind: Kind, id: string): Reading {
    this.#length = 0;
    const { directories, admits } = this.services;
    if (!directories.isStill(kind)) return directories.standing(kind).is === 'absent' ? absent(kind, id) : UNSEEN;
    // For a record that is not wanted it is as if there were no file.
    if (!admits(kind, id)) return absent(kind, id);
    const reading = this.#readAt(kind, id, directories.file(kind, id));
    return directories.isStill(kind) ? reading : UNSEEN;
  }

  #readAt(kind: Kind, id: string, path: string): Reading {
    const { files } = this.services.directories;
    let file: number;
    try {
      file = files.open(path, OPEN_FLAGS);
    } catch (error) {
      return this.#failed(kind, id, path, error as NodeJS.ErrnoException);
    }
    try {
      return this.#readOpen(kind, id, file, files);
    } catch (error) {
      return this.#failed(kind, id, path, error as NodeJS.ErrnoException);
    } finally {
      files.close(file);
    }
  }

  #readOpen(kind: Kind, id: string, file: number, files: Files): Reading {
    let stats = files.status(file);
    let signature = signatureOf(stats);
    const broken = (problem: Problem): Change => ({ is: 'broken', kind, id, problem, signature });
    if (!stats.isFile()) return broken('not-a-file');
    const { maxBytes, maxDepth } = this.services;
    if (stats.size > maxBytes) return broken('too-large');
    let length = this.#fill(file, signature.size, files);
    // Written since it was looked at: a signature older than what was read would make the same state an event again. One that
    // is newer could hide a change, so that it is looked at and read again, in this order.
    for (let more = 0; length !== signature.size && more < MAX_READINGS; more++) {
      stats = files.status(file);
      signature = signatureOf(stats);
      length = this.#fill(file, signature.size, files);
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
  #fill(file: number, expected: number, files: Files): number {
    let length = 0;
    for (;;) {
      const count = files.read(file, this.#buffer, length, this.#buffer.length - length, length);
      length += count;
      this.#length = length;
      // A file that holds as much as it said it does has ended: most take one call.
      if (count === 0 || length === expected || length === this.#buffer.length) return length;
    }
  }

  #failed(kind: Kind, id: string, path: string, error: NodeJS.ErrnoException): Reading {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return absent(kind, id);
    if (error.code === undefined) {
      // No answer of the system's: reading what the file holds has failed, and would again.
      const { supervision = UNSUPERVISED, directories } = this.services;
      supervision.report('reading a record', error, { kind, id, ...this.#fingerprint() });
      return { is: 'broken', kind, id, problem: 'unprocessable', signature: signatureAt(directories.files, path) };
    }
    const problem = PROBLEM_BY_ERROR[code];
    if (problem === undefined) return { is: 'unavailable', kind, id, error };
    return { is: 'broken', kind, id, problem, signature: signatureAt(this.services.directories.files, path) };
  }
}

/** A file that cannot be read, as what is told of it: its record is there, and nothing more is known. */
export function unreadable({ kind, id }: Unavailable): Broken {
  return { is: 'broken', kind, id, problem: 'unreadable', signature: undefined };
}

const absent = (kind: Kind, id: string): Change => ({ is: 'absent', kind, id });

export function signatureOf(stats: BigIntStats): Signature {
  return { inode: Number(stats.ino), mtimeNs: stats.mtimeNs, size: Number(stats.size) };
}

/** @returns `undefined` where there is nothing, or nothing that can be looked at. */
export function signatureAt(files: Files, path: string): Signature | undefined {
  try {
    const stats = files.look(path);
    return stats && signatureOf(stats);
  } catch {
    return undefined;
  }
}
