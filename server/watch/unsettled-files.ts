import type { Kind, Problem } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { sameSignature, type Broken, type Signature } from '../store/change.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { Unavailable } from './record-reader.js';
import type { RecordName } from './record-name.js';

/** Between readings of a file that cannot be read yet: doubled from the first to the last. */
const FIRST_RETRY_MS = 2;
const LAST_RETRY_MS = 1_000;
/** … for each of the files that cannot be read, where they are many. */
const LONG_RETRY_MS = 10;
/** A file that is written without end, and never found whole, is announced as broken after so many settle times. */
const MAX_SETTLE_TIMES = 10;

/** A file that could not be read as a record at the last attempt. */
interface Unsettled extends RecordName {
  readonly first: number;
  /** When it was first found in its present state. */
  readonly since: number;
  readonly signature: Signature | undefined;
  /** What is announced of it if it stays so. */
  readonly problem: Problem;
  readonly attempts: number;
  readonly cancel: () => void;
}

/**
 * Files that were met and could not be read as records: half-written, or closed to us. Each is read again after a while, and has
 * the settle time before anything is announced of it.
 */
export class UnsettledFiles {
  readonly #files = new Map<string, Unsettled>();

  constructor(
    private readonly store: CurrentRecords,
    private readonly clock: Clock,
    private readonly settleMs: number,
    /** Asks for another reading. */
    private readonly readAgain: (name: RecordName) => void,
  ) {}

  get size(): number {
    return this.#files.size;
  }

  clear(): void {
    for (const { cancel } of this.#files.values()) cancel();
    this.#files.clear();
  }

  /** A file is as it should be, or gone. */
  settled(key: string): void {
    this.#files.get(key)?.cancel();
    this.#files.delete(key);
  }

  /**
   * A file was read and is no record, or could not be read.
   * @param isKnown whether that has been announced of it.
   * @returns whether to wait for what the next reading finds, or to announce what this one has found.
   */
  met(key: string, name: RecordName, reading: Unavailable | Broken, isKnown: boolean): 'wait' | 'announce' {
    const before = this.#files.get(key);
    const since = this.#settlingSince(before, reading);
    const isPatient = !isKnown && this.clock.elapsed() - since < this.settleMs;
    // What cannot be read is tried for as long as that is so; what was read and is no record, until something changes.
    if (isPatient || reading.is === 'unavailable') this.#retryLater(key, name, since, reading, before);
    else this.settled(key);
    return isPatient ? 'wait' : 'announce';
  }

  /** Whether a file of the kind, met before `elapsed`, still has time: nothing has been announced of what was met. */
  isSettling(wanted: Kind, elapsed: number, alsoTorn: boolean): boolean {
    for (const { kind, id, first, problem } of this.#files.values()) {
      if (kind !== wanted || first > elapsed || (problem !== 'unreadable' && !alsoTorn)) continue;
      if (this.store.get(kind, id)?.problem !== problem) return true;
    }
    return false;
  }

  /** A file that has been written again since the last reading has its time again, up to a bound. */
  #settlingSince(before: Unsettled | undefined, reading: Unavailable | Broken): number {
    const now = this.clock.elapsed();
    if (before === undefined) return now;
    if (reading.is !== 'broken') return before.since;
    // Whatever kept it from being read has said nothing of what is in it, which may have just begun to be written.
    if (before.problem === 'unreadable') return now;
    if (now - before.first >= MAX_SETTLE_TIMES * this.settleMs) return before.since;
    return sameSignature(before.signature, reading.signature) ? before.since : now;
  }

  #retryLater(
    key: string,
    { kind, id }: RecordName,
    since: number,
    reading: Unavailable | Broken,
    before: Unsettled | undefined,
  ): void {
    before?.cancel();
    const attempts = (before?.attempts ?? 0) + 1;
    const left = since + this.settleMs - this.clock.elapsed();
    // However many they are, a hundred a second are tried.
    const longest = Math.max(LAST_RETRY_MS, this.#files.size * LONG_RETRY_MS);
    const pause = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20), longest);
    const cancel = this.clock.after(left > 0 ? Math.min(pause, left) : pause, () => {
      this.readAgain({ kind, id });
    });
    const first = before?.first ?? since;
    const signature = reading.is === 'broken' ? reading.signature : undefined;
    const problem = reading.is === 'broken' ? reading.problem : 'unreadable';
    this.#files.set(key, { kind, id, first, since, signature, problem, attempts, cancel });
  }
}
