import { beginsAnew, type Entry } from './entry.js';

/** The cost of an entry in addition to its bytes. It bounds many tiny entries too. */
const OVERHEAD_BYTES = 64;
/** Heartbeats are removed in batches, because each removal from the middle copies the rest. */
const BATCH_SHARE = 1.1;

export interface CaptureLimits {
  readonly maxBytes: number;
  /** The part of `maxBytes` that heartbeats may take. Without it they would evict everything else: they are most of the events. */
  readonly maxBeatBytes: number;
}

/** How an entry left the capture. `early`: a heartbeat, while older entries of other kinds are kept. */
export type Eviction = 'oldest' | 'early';

/** The most recent entries, as many as fit. The oldest ones are evicted; heartbeats have a budget of their own. */
export class Capture {
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #beatBytes = 0;
  #dropped = 0;
  #droppedBeats = 0;

  constructor(
    private readonly limits: CaptureLimits,
    /** Called with each evicted entry. Entries are evicted in order, and so are the heartbeats among themselves. */
    private readonly evicted: (entry: Entry, how: Eviction) => void,
  ) {}

  get maxBytes(): number {
    return this.limits.maxBytes;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many entries have been evicted so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How many of them were heartbeats that were evicted although older entries are kept. */
  get droppedBeats(): number {
    return this.#droppedBeats;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += costOf(entry);
    if (isBeat(entry)) this.#beatBytes += costOf(entry);
    while (this.#bytes > this.limits.maxBytes && this.length > 1) this.#evict();
    if (this.#beatBytes > this.limits.maxBeatBytes * BATCH_SHARE) this.#evictBeats();
  }

  /** Returns the entry at a place, counted from the oldest one that is kept. */
  at(index: number): Entry | undefined {
    return index < 0 ? undefined : this.#entries[this.#head + index];
  }

  first(): Entry | undefined {
    return this.at(0);
  }

  last(): Entry | undefined {
    return this.at(this.length - 1);
  }

  /** Returns the place of the first entry with this number or a later one, or `length`. */
  indexOf(seq: number): number {
    return this.#firstPlace((entry) => entry.seq >= seq);
  }

  /** Returns the place of the first entry later than a time, or `length`. */
  indexAfter(atMs: number): number {
    return this.#firstPlace((entry) => entry.atMs > atMs);
  }

  /** Yields the entries from one place up to another, excluding that one. Both are clamped. */
  *range(from: number, to: number): Generator<Entry, void, undefined> {
    const end = Math.min(to, this.length);
    for (let i = Math.max(0, from); i < end; i++) yield this.at(i)!;
  }

  /** @param isAfter false for all entries before a place, true from there on. */
  #firstPlace(isAfter: (entry: Entry) => boolean): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAfter(this.at(middle)!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #evict(): void {
    const entry = this.#entries[this.#head]!;
    this.#head++;
    // Copying half of the array now and then costs less than shifting it every time.
    if (this.#head > 4_096 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    this.#drop(entry, 'oldest');
  }

  /**
   * Evicts the oldest heartbeats. Those after a resync stay until everything before the resync is gone: the state at the beginning would
   * lose them again when it comes to the resync.
   */
  #evictBeats(): void {
    const resync = this.#entries.findIndex(
      (entry, i) => i >= this.#head && entry.what === 'mark' && beginsAnew(entry.mark),
    );
    const end = resync < 0 ? this.#entries.length : resync;
    const kept: Entry[] = [];
    for (let i = this.#head; i < end; i++) {
      const entry = this.#entries[i]!;
      if (this.#beatBytes > this.limits.maxBeatBytes && isBeat(entry)) {
        this.#droppedBeats++;
        this.#drop(entry, kept.length === 0 ? 'oldest' : 'early');
      } else kept.push(entry);
    }
    this.#entries = [...kept, ...this.#entries.slice(end)];
    this.#head = 0;
    if (resync < 0) return;
    while (this.#beatBytes > this.limits.maxBeatBytes * BATCH_SHARE && this.length > 1) this.#evict();
  }

  #drop(entry: Entry, how: Eviction): void {
    this.#dropped++;
    this.#bytes -= costOf(entry);
    if (isBeat(entry)) this.#beatBytes -= costOf(entry);
    this.evicted(entry, how);
  }
}

const costOf = ({ bytes }: Entry): number => bytes + OVERHEAD_BYTES;

const isBeat = (entry: Entry): boolean =>
  entry.what === 'event' && entry.kind === 'heartbeat' && entry.type !== 'snapshot';
