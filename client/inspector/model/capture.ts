import type { Entry } from './entry.js';

/** What an entry costs beside its bytes, so that a flood of tiny ones is bounded too. */
const OVERHEAD_BYTES = 64;

/** The most recent entries, as many as fit; what falls out at the beginning is handed on. */
export class Capture {
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(
    readonly maxBytes: number,
    /** Told of each entry that falls out, in order. */
    private readonly evicted: (entry: Entry) => void,
  ) {}

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many entries have fallen out since the beginning. */
  get dropped(): number {
    return this.#dropped;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes + OVERHEAD_BYTES;
    while (this.#bytes > this.maxBytes && this.length > 1) this.#evict();
  }

  /** The entry at a place counted from the oldest one held. */
  at(index: number): Entry | undefined {
    return index < 0 ? undefined : this.#entries[this.#head + index];
  }

  first(): Entry | undefined {
    return this.at(0);
  }

  last(): Entry | undefined {
    return this.at(this.length - 1);
  }

  /** The place of an entry by its number, as sequence numbers have no gaps; may lie outside. */
  indexOf(seq: number): number {
    return seq - (this.first()?.seq ?? seq);
  }

  /** The place of the first entry later than a time, or `length`. */
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

  /** Entries from one place up to, not with, another; both are clamped. */
  *range(from: number, to: number): Generator<Entry, void, undefined> {
    const end = Math.min(to, this.length);
    for (let i = Math.max(0, from); i < end; i++) yield this.at(i)!;
  }

  #evict(): void {
    const entry = this.#entries[this.#head]!;
    this.#head++;
    this.#dropped++;
    this.#bytes -= entry.bytes + OVERHEAD_BYTES;
    // Copying half of the array every so often costs less than shifting it every time.
    if (this.#head > 4_096 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    this.evicted(entry);
  }
}
