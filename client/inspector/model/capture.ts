import type { Entry } from './entry.js';

/** The cost of an entry in addition to its bytes. It bounds many tiny entries too. */
const OVERHEAD_BYTES = 64;

/** The most recent entries, as many as fit. The oldest ones are evicted. */
export class Capture {
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(
    readonly maxBytes: number,
    /** Called with each evicted entry, in order. */
    private readonly evicted: (entry: Entry) => void,
  ) {}

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

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes + OVERHEAD_BYTES;
    while (this.#bytes > this.maxBytes && this.length > 1) this.#evict();
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

  /** Returns the place of an entry by its sequence number, which has no gaps. The place may lie outside the capture. */
  indexOf(seq: number): number {
    return seq - (this.first()?.seq ?? seq);
  }

  /** Returns the place of the first entry later than a time, or `length`. */
  indexAfter(atMs: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle)!.atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Yields the entries from one place up to another, excluding that one. Both are clamped. */
  *range(from: number, to: number): Generator<Entry, void, undefined> {
    const end = Math.min(to, this.length);
    for (let i = Math.max(0, from); i < end; i++) yield this.at(i)!;
  }

  #evict(): void {
    const entry = this.#entries[this.#head]!;
    this.#head++;
    this.#dropped++;
    this.#bytes -= entry.bytes + OVERHEAD_BYTES;
    // Copying half of the array now and then costs less than shifting it every time.
    if (this.#head > 4_096 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    this.evicted(entry);
  }
}
