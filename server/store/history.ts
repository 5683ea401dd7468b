import { revision, type Revision } from '../../protocol/index.js';
import type { StoreEvent } from './store-event.js';

/** Revisions after which no client can resume, because the last run was killed before it had written the events it had sent. */
export interface LostPositions {
  /** The oldest revision after which a client could have resumed. */
  readonly from: Revision;
  /** The first revision after which a client can resume again. */
  readonly to: Revision;
}

/**
 * Revisions of which nothing is known, because a run was killed that may have sent them: those after `after`, up to and including `to`. A
 * client that was at `after` can go on after `to`, and one that was in between cannot.
 */
export interface Gap {
  readonly after: Revision;
  readonly to: Revision;
}

/** The number of revisions in a gap. */
export const widthOf = ({ after, to }: Gap): number => to - after;

/** Returns the end of the gaps that begin after a revision; the revision itself if none does. @param gaps in order. */
export function pastGaps(gaps: readonly Gap[], position: number): number {
  let end = position;
  for (const { after, to } of gaps) if (after === end) end = to;
  return end;
}

export interface HistoryLimits {
  /** Events kept for replay. @default 100_000 */
  readonly maxHistoryEvents: number;
  /** Bytes that those events may keep in memory, approximately. @default 67_108_864 */
  readonly maxHistoryBytes: number;
}

/**
 * The past events that can be replayed. Their revisions have no gaps but those in {@link gaps}, so that a revision is an index in the
 * ring and needs no search.
 */
export class History {
  readonly #ring: (StoreEvent | undefined)[] = [];
  readonly #limits: HistoryLimits;
  /** The revision before the first event, and more by those of each gap that is no longer held. */
  #start: number;
  #base: Revision;
  #newest: Revision;
  #bytes = 0;
  #gaps: Gap[] = [];

  /** @param start the revision before the first event that will be appended. */
  constructor(limits: HistoryLimits, start: Revision) {
    this.#limits = limits;
    this.#start = start;
    this.#base = start;
    this.#newest = start;
  }

  /** The revision before the oldest event: all events after it can be replayed. */
  get base(): Revision {
    return this.#base;
  }

  /** The revision of the last event, or the start if there is none; or else the end of a gap after it. */
  get newest(): Revision {
    return this.#newest;
  }

  /** The number of events. */
  get size(): number {
    return this.countAfter(this.#base);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** In the order of their revisions. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** Appends an event. @throws RangeError if it does not follow the last one. */
  append(event: StoreEvent): void {
    if (event.revision !== this.#newest + 1) {
      throw new RangeError(
        `the next revision of the history is ${String(this.#newest + 1)}, not ${String(event.revision)}`,
      );
    }
    if (this.size === this.#limits.maxHistoryEvents) this.#dropOldest();
    this.#ring[this.#slot(event.revision)] = event;
    this.#newest = event.revision;
    this.#bytes += event.weight;
    while (this.#bytes > this.#limits.maxHistoryBytes && this.size > 1) this.#dropOldest();
  }

  /** Passes over the revisions up to `to`, of which nothing is known. */
  skip(to: Revision): void {
    const after = this.#newest;
    if (to <= after) throw new RangeError(`the history is at ${String(after)} and cannot skip to ${String(to)}`);
    this.#gaps.push({ after, to });
    this.#newest = to;
  }

  /**
   * Returns the event of a revision.
   * @throws RangeError if the history does not hold it.
   */
  at(position: number): StoreEvent {
    const event = this.find(position);
    if (event === undefined) throw new RangeError(`revision ${String(position)} is not in the history`);
    return event;
  }

  /** Returns the event of a revision; `undefined` if the history does not hold it. */
  find(position: number): StoreEvent | undefined {
    const isInGap = this.#gaps.some(({ after, to }) => after < position && position <= to);
    return position > this.#base && position <= this.#newest && !isInGap ? this.#ring[this.#slot(position)] : undefined;
  }

  /**
   * Returns the first event after a revision; `undefined` if there is none.
   * @throws RangeError if the history does not reach back to that revision.
   */
  after(position: number): StoreEvent | undefined {
    const from = pastGaps(this.#gaps, position);
    return from === this.#newest ? undefined : this.at(from + 1);
  }

  *events(): Generator<StoreEvent> {
    let position: number = this.#base;
    for (let event = this.after(position); event; event = this.after(position)) {
      position = event.revision;
      yield event;
    }
  }

  /** Returns the number of events after a revision. */
  countAfter(position: number): number {
    const missing = this.#gaps.reduce((sum, gap) => sum + (gap.after >= position ? widthOf(gap) : 0), 0);
    return this.#newest - position - missing;
  }

  /** Returns the gap that begins after a revision. */
  gapAfter(position: number): Gap | undefined {
    return this.#gaps.find(({ after }) => after === position);
  }

  /** Whether a revision is inside a gap, so that it is not known what follows it. */
  isLost(position: number): boolean {
    return this.#gaps.some(({ after, to }) => after < position && position < to);
  }

  /**
   * A gap takes no slot. The array is filled from index 0, because V8 keeps one that is first filled far from its beginning as a hash table.
   */
  #slot(position: number): number {
    let number = position - this.#start - 1;
    for (const gap of this.#gaps) if (gap.to < position) number -= widthOf(gap);
    return number % this.#limits.maxHistoryEvents;
  }

  #dropOldest(): void {
    const first = pastGaps(this.#gaps, this.#base) + 1;
    this.#bytes -= this.at(first).weight;
    this.#ring[this.#slot(first)] = undefined;
    this.#base = revision(first);
    for (let [gap] = this.#gaps; gap && gap.after < first; [gap] = this.#gaps) {
      this.#start += widthOf(gap);
      this.#gaps.shift();
    }
  }
}
