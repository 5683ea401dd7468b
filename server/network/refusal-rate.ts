import type { Clock } from '../runtime/clock.js';

/** So many addresses have their own count in a window; all further addresses share one. */
const MAX_ADDRESSES = 10_000;
const OTHERS = 'others';
const WINDOW_MS = 1_000;

/**
 * Counts refused requests per address and second. Beyond the limit only the answers to refused requests change. A client with the token is
 * still accepted, even if other clients of its address (all processes of one machine share one) have used up the limit.
 */
export class RefusalRate {
  readonly #counts = new Map<string, number>();
  #startedAt = 0;

  constructor(
    readonly maxPerSecond: number,
    private readonly clock: Clock,
  ) {}

  /** Counts one refusal. @returns whether the address has passed its limit in this second. */
  countRefusal(address: string): boolean {
    const now = this.clock.elapsed();
    if (now - this.#startedAt >= WINDOW_MS) {
      this.#startedAt = now;
      this.#counts.clear();
    }
    const key = this.#counts.has(address) || this.#counts.size < MAX_ADDRESSES ? address : OTHERS;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count > this.maxPerSecond;
  }
}
