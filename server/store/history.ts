import { revision, type Revision } from '../../protocol/index.js';
import type { StoreEvent } from './store-event.js';

/** Revisions after which no client can resume, because the last run was killed before it had written the events it had sent. */
export interface LostPositions {
  /** The oldest revision after which a client could have resumed. */
  readonly from: Revision;
  /** The first revision after which a client can resume again. */
  readonly to: Revision;
}

export interface HistoryLimits {
  /** Events kept for replay. @default 100_000 */
  readonly maxHistoryEvents: number;
  /** Bytes that those events may keep in memory, approximately. @default 67_108_864 */
  readonly maxHistoryBytes: number;
}

/**
 * The past events that can be replayed. Their revisions have no gaps, so that a revision is an index in the ring and needs no
 * search.
 */
export class History {
  readonly #ring: (StoreEvent | undefined)[] = [];
  readonly #limits: HistoryLimits;
  readonly #start: Revision;
  #base: Revision;
  #newest: Revision;
  #bytes = 0;

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

  /** The revision of the last event, or the start if there is none. */
  get newest(): Revision {
    return this.#newest;
  }

  get size(): number {
    return this.#newest - this.#base;
  }

  get bytes(): number {
    return this.#bytes;
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

  /**
   * Returns the event of a revision.
   * @throws RangeError if the history does not hold it.
   */
  at(position: number): StoreEvent {
    const held = position > this.#base && position <= this.#newest;
    const event = held ? this.#ring[this.#slot(position)] : undefined;
    if (event === undefined) throw new RangeError(`revision ${String(position)} is not in the history`);
    return event;
  }

  /** Fills the array from index 0, because V8 keeps an array that is first filled far from its beginning as a hash table. */
  #slot(position: number): number {
    return (position - this.#start - 1) % this.#limits.maxHistoryEvents;
  }

  #dropOldest(): void {
    this.#bytes -= this.at(this.#base + 1).weight;
    this.#base = revision(this.#base + 1);
    this.#ring[this.#slot(this.#base)] = undefined;
  }
}
