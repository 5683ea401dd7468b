import { isUnknown, type Kind, type Problem, type RecordName } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { sameSignature, type Broken, type Signature } from '../store/change.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { Unavailable } from './record-reader.js';

/** The pause between readings of a file that cannot be read yet: it doubles from the first value to the last. */
const FIRST_RETRY_MS = 2;
const LAST_RETRY_MS = 1_000;
/** The longest pause per file that cannot be read, so that many such files share a hundred readings a second. */
const LONG_RETRY_MS = 10;
/** A file that is written again and again, and is never a whole record, is published as broken after this many settle times. */
const MAX_SETTLE_TIMES = 10;

/** A file that could not be read as a record at the last attempt. Its times are on the monotonic clock. */
interface Unsettled extends RecordName {
  /** When it was first found unsettled. */
  readonly first: number;
  /** When its settle time began: it begins again when the file is written again. */
  readonly since: number;
  readonly signature: Signature | undefined;
  /** The problem that is published if the file stays as it is. */
  readonly problem: Problem;
  readonly attempts: number;
  /** Whether its settle time was over at the last attempt, and its problem was given to be published. */
  readonly isAnnounced: boolean;
  readonly cancel: () => void;
}

/**
 * Files that could not be read as records: half-written, or not readable. Each is read again after a pause. Its problem is
 * published only after the settle time.
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

  /** Forgets a file: it is a record now, or is gone, or its problem is to be published. */
  settled(key: string): void {
    this.#files.get(key)?.cancel();
    this.#files.delete(key);
  }

  /**
   * Notes that a file is not a record or could not be read.
   * @param isKnown whether this problem of the file has been published.
   * @returns `wait` for the next reading, or `announce` the result of this one.
   */
  met(key: string, name: RecordName, reading: Unavailable | Broken, isKnown: boolean): 'wait' | 'announce' {
    const before = this.#files.get(key);
    const since = this.#settlingSince(before, reading);
    const isPatient = !isKnown && this.clock.elapsed() - since < this.settleMs;
    // A file that cannot be read is read again until it can be. One that was read and is not a record waits for a hint.
    if (isPatient || reading.is === 'unavailable') this.#retryLater(key, name, since, reading, before, !isPatient);
    else this.settled(key);
    return isPatient ? 'wait' : 'announce';
  }

  /**
   * Whether a file of the kind, first found unsettled at `elapsed` or before, has a problem that is not published yet: a file
   * that cannot be read, and, if `alsoTorn`, one that is not a record.
   */
  isSettling(wanted: Kind, elapsed: number, alsoTorn: boolean): boolean {
    for (const { kind, id, first, problem } of this.#files.values()) {
      if (kind !== wanted || first > elapsed || (!isUnknown(problem) && !alsoTorn)) continue;
      if (this.store.get(kind, id)?.problem !== problem) return true;
    }
    return false;
  }

  /**
   * Whether a file that was first found unsettled at `elapsed` or before could not be read, and nothing of that is published yet: it may
   * say anything. @param only this file. @default any
   */
  isUnread(elapsed: number, only?: RecordName): boolean {
    for (const { kind, id, first, problem, isAnnounced } of this.#files.values()) {
      if (isAnnounced || !isUnknown(problem) || first > elapsed) continue;
      if (only === undefined || (kind === only.kind && id === only.id)) return true;
    }
    return false;
  }

  /** Begins the settle time again if the file was written since the last reading, up to a bound. */
  #settlingSince(before: Unsettled | undefined, reading: Unavailable | Broken): number {
    const now = this.clock.elapsed();
    if (before === undefined) return now;
    if (reading.is !== 'broken') return before.since;
    // The content is read for the first time only now. A writer may have just begun to write it.
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
    isAnnounced: boolean,
  ): void {
    before?.cancel();
    const attempts = (before?.attempts ?? 0) + 1;
    const left = since + this.settleMs - this.clock.elapsed();
    // However many files there are, about a hundred are read per second.
    const longest = Math.max(LAST_RETRY_MS, this.#files.size * LONG_RETRY_MS);
    const pause = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20), longest);
    const cancel = this.clock.after(left > 0 ? Math.min(pause, left) : pause, () => {
      this.readAgain({ kind, id });
    });
    const first = before?.first ?? since;
    const signature = reading.is === 'broken' ? reading.signature : undefined;
    const problem = reading.is === 'broken' ? reading.problem : 'unreadable';
    this.#files.set(key, { kind, id, first, since, signature, problem, attempts, isAnnounced, cancel });
  }
}
