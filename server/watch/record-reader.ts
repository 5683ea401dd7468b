import { constants, type BigIntStats } from 'node:fs';
import { isNaive, leaseTime, type Kind, type Problem } from '../../protocol/index.js';
import { openUnfollowed } from '../repository/index.js';
import type { Broken, Change, Signature } from '../store/change.js';
import { fingerprintOf, UNSUPERVISED, type Fingerprint, type Supervision } from '../runtime/supervisor.js';
import type { CheckedDirectories } from './checked-directories.js';
import { errorCode, type Files } from './files.js';
import { LinkedFiles } from './linked-files.js';
import { parseRecord } from './record-parser.js';

/**
 * A reading that says nothing about the record: the file exists but cannot be read, because of its permissions or an error of
 * the machine. The record stays as it was.
 */
export interface Unavailable {
  readonly is: 'unavailable';
  readonly kind: Kind;
  readonly id: string;
  readonly error: NodeJS.ErrnoException;
}

/** A reading without a result: the directory at the path is not the one that was checked. */
export interface Unseen {
  readonly is: 'unseen';
}

export type Reading = Change | Unavailable | Unseen;

const UNSEEN: Unseen = { is: 'unseen' };

export interface RecordReaderServices {
  readonly directories: CheckedDirectories;
  /** The greatest size of a file, in bytes. A larger file is not read. */
  readonly maxBytes: number;
  /** The greatest depth of nested arrays and objects. */
  readonly maxDepth: number;
  /** @default errors are thrown to the caller */
  readonly supervision?: Supervision | undefined;
  /** Whether the store has the record already or has room for it. */
  admits(kind: Kind, id: string): boolean;
  /** Logs a warning about a record that is accepted. */
  warn(kind: Kind, id: string, warning: string): void;
}

// Does not wait for the other end of a pipe. Windows does not have the flag: it is `undefined`, which `|` treats as 0.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** Further readings of a file that changes while it is read. After them the last result is used: a hint of the write will come. */
const MAX_READINGS = 3;

const PROBLEM_BY_ERROR: Readonly<Record<string, Problem>> = {
  ELOOP: 'link',
  EMLINK: 'link',
  EISDIR: 'not-a-file',
  ENXIO: 'not-a-file',
  ENODEV: 'not-a-file',
  EOPNOTSUPP: 'not-a-file',
};

/** Reads one record's file synchronously: for a small file this costs less than the thread pool. */
export class RecordReader {
  readonly linked = new LinkedFiles();
  readonly #buffer: Buffer;
  /** Bytes in the buffer. */
  #length = 0;

  constructor(private readonly services: RecordReaderServices) {
    this.#buffer = Buffer.allocUnsafe(services.maxBytes + 1);
  }

  /** Reads a record's file again and returns its fingerprint for the log: the buffer may hold another file by now. */
  fingerprint(kind: Kind, id: string): Fingerprint {
    try {
      this.read(kind, id);
    } catch {
      // Only the bytes in the buffer are needed, not the result.
    }
    return { kind, id, ...this.#fingerprint() };
  }

  #fingerprint(): Fingerprint {
    return fingerprintOf(this.#buffer.subarray(0, this.#length));
  }

  read(kind: Kind, id: string): Reading {
    this.#length = 0;
    const { directories, admits } = this.services;
    if (!directories.isStill(kind)) return directories.stateOf(kind).is === 'absent' ? absent(kind, id) : UNSEEN;
    // A record that is not admitted counts as a file that does not exist.
    if (!admits(kind, id)) return absent(kind, id);
    this.linked.note(kind, id, false);
    const reading = this.#readAt(kind, id, directories.file(kind, id));
    return directories.isStill(kind) ? reading : UNSEEN;
  }

  #readAt(kind: Kind, id: string, path: string): Reading {
    const { files } = this.services.directories;
    let file: number;
    try {
      file = openUnfollowed(path, OPEN_FLAGS, files);
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
    // The file was written after its status was taken. If its signature were older than the content, the same state would
    // cause an event again; if it were newer, it could hide a change. So take the status and read again, in this order.
    for (let more = 0; length !== signature.size && more < MAX_READINGS; more++) {
      stats = files.status(file);
      signature = signatureOf(stats);
      length = this.#fill(file, signature.size, files);
    }
    if (length > maxBytes) return broken('too-large');
    const parsed = parseRecord(this.#buffer.subarray(0, length), maxDepth);
    if (parsed.is === 'problem') return broken(parsed.problem);
    if (stats.nlink > 1n) {
      this.linked.note(kind, id, true);
      this.services.warn(kind, id, 'hard link: changes through its other names give no hints');
    }
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
      // If the length is the size in the status, this is the end of the file: most files take one call.
      if (count === 0 || length === expected || length === this.#buffer.length) return length;
    }
  }

  #failed(kind: Kind, id: string, path: string, error: NodeJS.ErrnoException): Reading {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return absent(kind, id);
    if (error.code === undefined) {
      // Not an error of the system: the content could not be processed, and would fail again.
      const { supervision = UNSUPERVISED, directories } = this.services;
      supervision.report('reading a record', error, { kind, id, ...this.#fingerprint() });
      return { is: 'broken', kind, id, problem: 'unprocessable', signature: signatureAt(directories.files, path) };
    }
    const problem = PROBLEM_BY_ERROR[code];
    if (problem === undefined) return { is: 'unavailable', kind, id, error };
    return { is: 'broken', kind, id, problem, signature: signatureAt(this.services.directories.files, path) };
  }
}

/** The change for a file that cannot be read: its record exists, and nothing more is known. */
export function unreadable({ kind, id }: Unavailable): Broken {
  return { is: 'broken', kind, id, problem: 'unreadable', signature: undefined };
}

const absent = (kind: Kind, id: string): Change => ({ is: 'absent', kind, id });

function signatureOf(stats: BigIntStats): Signature {
  const [mtimeNs, changedNs] = [stored(stats.mtimeNs), stored(stats.ctimeNs)];
  return { inode: Number(stats.ino), mtimeNs, size: Number(stats.size), changedNs };
}

/** The journal keeps 64 bits. File systems have times after the year 2262, which take more; what is left still differs when they do. */
const stored = (timeNs: bigint): bigint => BigInt.asIntN(64, timeNs);

/** @returns the signature of the entry at a path; `undefined` if there is none or its status cannot be read. */
export function signatureAt(files: Files, path: string): Signature | undefined {
  try {
    const stats = files.look(path);
    return stats && signatureOf(stats);
  } catch {
    return undefined;
  }
}
