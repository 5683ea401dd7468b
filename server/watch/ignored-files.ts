import type { Kind } from '../../protocol/index.js';
import { readFileName } from './file-name.js';
import { SELF_TEST_PREFIX } from './self-test.js';
import type { Warnings } from './warnings.js';

/**
 * A bound on the memory for names, and on the time: a set of 100,000 holds 10 MB, and growing it takes milliseconds, during which every
 * event waits. A writer whose temporary files have new names each time reaches any bound. The count need only show whether they are few or many.
 */
const MAX_COUNTED = 2_000;

/** Where a name was found. The file of a hint may be gone already; the file of a scan exists. */
type MetIn = 'hint' | 'scan';

/**
 * Counts the files whose names are not names of records, and logs warnings about them. Every careful writer makes a temporary
 * or hidden file for a moment, so these cause one warning per directory, and only if a scan finds one. A name that a record
 * may not have causes a warning of its own.
 */
export class IgnoredFiles {
  readonly #names = new Set<string>();

  constructor(
    private readonly warnings: Warnings,
    private readonly maxIdBytes: number,
  ) {}

  /** The number of different names seen so far, at most 2,000. */
  get count(): number {
    return this.#names.size;
  }

  /** Whether the name of a record's file could have this id. */
  isRecordId(id: string): boolean {
    return readFileName(`${id}.json`, this.maxIdBytes).is === 'record';
  }

  /** Reads a file's name. @returns the record's id, or `undefined` if the file is ignored. */
  idOf(kind: Kind, name: string, metIn: MetIn): string | undefined {
    const reading = readFileName(name, this.maxIdBytes);
    if (reading.is === 'record') return reading.id;
    if (name.startsWith(SELF_TEST_PREFIX)) return undefined;
    if (this.#names.size < MAX_COUNTED) this.#names.add(`${kind}/${name}`);
    if (reading.is === 'refused') {
      const limit = reading.why === 'too-long' ? { max_id_bytes: this.maxIdBytes } : {};
      this.warnings.once(`${kind}/${name}`, { kind, name, why: reading.why, ...limit }, 'file ignored');
    } else if (metIn === 'scan') {
      const why = 'not a record: hidden, or not .json';
      this.warnings.once(`${kind} others`, { kind, name, why }, 'file ignored, and others like it');
    }
    return undefined;
  }
}
