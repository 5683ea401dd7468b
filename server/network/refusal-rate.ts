import type { Clock } from '../runtime/clock.js';

/** Addresses are told apart up to this many; beyond it the newcomers of a second share one count. */
const MAX_ADDRESSES = 10_000;
const OTHERS = 'others';
const WINDOW_MS = 1_000;

/**
 * Counts refused requests by address and second. Only refusals are answered differently beyond the limit: whoever has
 * the token comes in however many others of the same address (every process of this machine shares one) do not.
 */
export class RefusalRate {
  readonly #counts = new Map<string, number>();
  #startedAt = 0;

  constructor(
    readonly maxPerSecond: number,
    private readonly clock: Clock,
  ) {}

  /** Counts one refusal; whether it is beyond what an address may cause in a second. */
  isBeyond(address: string): boolean {
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
