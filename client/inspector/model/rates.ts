/** How many seconds back the plots reach. */
const RATE_SECONDS = 300;
/** A history shorter than this is still plotted over one minute, not at the edge of five minutes that are mostly empty. */
const MIN_SECONDS = 60;

export interface RateSeries {
  /** Unix seconds, oldest first. */
  readonly seconds: readonly number[];
  readonly events: readonly number[];
  /** Mean and maximum delivery lag in milliseconds; `null` for a second without a delivery. */
  readonly lagMean: readonly (number | null)[];
  readonly lagMax: readonly (number | null)[];
}

/** Events and their lag, second by second. */
export class Rates {
  readonly #events = new Float64Array(2 * RATE_SECONDS);
  readonly #lagSum = new Float64Array(2 * RATE_SECONDS);
  readonly #lagMax = new Float64Array(2 * RATE_SECONDS);
  readonly #measured = new Float64Array(2 * RATE_SECONDS);
  #last = 0;
  #first = Infinity;

  add(atMs: number, lagMs: number | undefined): void {
    const second = Math.floor(atMs / 1_000);
    this.#advance(second);
    this.#first = Math.min(this.#first, second);
    if (second <= this.#last - this.#events.length) return;
    const slot = second % this.#events.length;
    this.#events[slot]!++;
    if (lagMs === undefined) return;
    this.#measured[slot]!++;
    this.#lagSum[slot]! += lagMs;
    this.#lagMax[slot] = Math.max(this.#lagMax[slot]!, lagMs);
  }

  /** Returns the seconds before the current one, which is not over yet. */
  read(nowMs: number): RateSeries {
    const end = Math.floor(nowMs / 1_000);
    const length = Math.min(RATE_SECONDS, Math.max(MIN_SECONDS, end - this.#first));
    const seconds = Array.from({ length }, (_, i) => end - length + i);
    const slot = (second: number) =>
      second > this.#last || second <= this.#last - this.#events.length ? -1 : second % this.#events.length;
    const lag = (second: number, of: (slot: number) => number): number | null => {
      const i = slot(second);
      return i < 0 || this.#measured[i] === 0 ? null : of(i);
    };
    return {
      seconds,
      events: seconds.map((second) => (slot(second) < 0 ? 0 : this.#events[slot(second)]!)),
      lagMean: seconds.map((second) => lag(second, (i) => this.#lagSum[i]! / this.#measured[i]!)),
      lagMax: seconds.map((second) => lag(second, (i) => this.#lagMax[i]!)),
    };
  }

  /** Returns events per second and mean lag over the last few seconds. */
  recent(nowMs: number, spanS = 5): { readonly eventsPerSecond: number; readonly lagMs: number | undefined } {
    const { events, lagMean } = this.read(nowMs);
    const lags = lagMean.slice(-spanS).filter((lag) => lag !== null);
    return {
      eventsPerSecond: events.slice(-spanS).reduce((sum, n) => sum + n, 0) / spanS,
      lagMs: lags.length === 0 ? undefined : lags.reduce((sum, lag) => sum + lag, 0) / lags.length,
    };
  }

  #advance(second: number): void {
    const steps = Math.min(this.#events.length, second - this.#last);
    for (let i = 0; i < steps; i++) {
      const slot = (second - i) % this.#events.length;
      for (const series of [this.#events, this.#lagSum, this.#lagMax, this.#measured]) series[slot] = 0;
    }
    this.#last = Math.max(this.#last, second);
  }
}
