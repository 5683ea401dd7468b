import type { Kind } from '../../protocol/index.js';
import { readRecordName } from './record-name.js';
import { SELF_TEST_PREFIX } from './self-test.js';
import type { Warnings } from './warnings.js';

/** Enough to tell a slip from a flood. */
const MAX_COUNTED = 100_000;

/** Where a name was met: in a hint it may be that of a file which is gone already, in a scan the file is there. */
type MetIn = 'hint' | 'scan';

/**
 * Files whose names are no record's: counted, and warned of. Temporary and hidden ones are what every careful writer
 * leaves for a moment: one warning for each directory, and only of what a scan finds still there. A name that no record
 * may have is worth its own.
 */
export class IgnoredFiles {
  readonly #names = new Set<string>();

  constructor(
    private readonly warnings: Warnings,
    private readonly maxIdBytes: number,
  ) {}

  /** Different names seen so far, at most 100,000. */
  get count(): number {
    return this.#names.size;
  }

  /** Whether a file could have the id. */
  isRecordId(id: string): boolean {
    return readRecordName(`${id}.json`, this.maxIdBytes).is === 'record';
  }

  /** Reads a file's name; @returns the record's id, or `undefined` where it is ignored. */
  idOf(kind: Kind, name: string, metIn: MetIn): string | undefined {
    const reading = readRecordName(name, this.maxIdBytes);
    if (reading.is === 'record') return reading.id;
    if (name.startsWith(SELF_TEST_PREFIX)) return undefined;
    const key = `${kind}/${name}`;
    if (this.#names.size < MAX_COUNTED) this.#names.add(key);
    if (reading.is === 'refused') {
      const limit = reading.why === 'too-long' ? { max_id_bytes: this.maxIdBytes } : {};
      this.warnings.once(key, { kind, name, why: reading.why, ...limit }, 'file ignored');
    } else if (metIn === 'scan') {
      const why = 'not a record: hidden, or not .json';
      this.warnings.once(`${kind} others`, { kind, name, why }, 'file ignored, and others like it');
    }
    return undefined;
  }
}
