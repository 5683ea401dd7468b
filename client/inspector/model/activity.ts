const BUCKETS = 30;
const BUCKET_MS = 2_000;

/** The number of events that a run has caused in each of the last thirty spans of two seconds. */
export class Activity {
  readonly #counts: Uint16Array;
  #last: number;

  constructor(from?: Activity) {
    this.#counts = from ? from.#counts.slice() : new Uint16Array(BUCKETS);
    this.#last = from ? from.#last : 0;
  }

  add(atMs: number): void {
    const bucket = this.#advance(atMs);
    if (bucket > this.#last - BUCKETS) this.#counts[bucket % BUCKETS]!++;
  }

  /** Returns the counts, oldest first. The last span contains `nowMs`. */
  read(nowMs: number): number[] {
    const now = Math.max(this.#last, Math.floor(nowMs / BUCKET_MS));
    return Array.from({ length: BUCKETS }, (_, i) => {
      const bucket = now - BUCKETS + 1 + i;
      return bucket > this.#last || bucket <= this.#last - BUCKETS ? 0 : this.#counts[bucket % BUCKETS]!;
    });
  }

  #advance(atMs: number): number {
    const bucket = Math.floor(atMs / BUCKET_MS);
    if (bucket <= this.#last) return bucket;
    const steps = Math.min(BUCKETS, bucket - this.#last);
    for (let i = 1; i <= steps; i++) this.#counts[(bucket - steps + i) % BUCKETS] = 0;
    this.#last = bucket;
    return bucket;
  }
}
