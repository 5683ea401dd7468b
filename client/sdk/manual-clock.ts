import type { UnixMillis } from '../../protocol/index.js';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** A clock for tests: its time moves only by {@link advance}. It starts at 2026-01-01T00:00:00Z. */
export class ManualClock {
  readonly #timers = new Set<Timer>();
  #elapsed = 0;

  /** Returns the wall clock, Unix milliseconds. */
  now(): UnixMillis {
    return (Date.UTC(2026, 0, 1) + this.#elapsed) as UnixMillis;
  }

  /** Returns the milliseconds by which the clock was advanced. */
  elapsed(): number {
    return this.#elapsed;
  }

  /** Calls `call` once when the clock has been advanced by `delayMs` milliseconds. @returns a function that cancels the timer. */
  after(delayMs: number, call: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + Math.max(0, delayMs), call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Calls `call` in the next turn of the event loop, without `advance`: a turn takes no time. @returns a function that cancels. */
  nextTurn(call: () => void): () => void {
    const immediate = setImmediate(call);
    return () => {
      clearImmediate(immediate);
    };
  }

  /** Returns the moment `ms` milliseconds from now as an ISO 8601 string, the form that records use. */
  inFuture(ms: number): string {
    return new Date(this.now() + ms).toISOString();
  }

  /** Advances the clock by `ms` milliseconds; every timer that is due fires, in order, at its own moment. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.call();
    }
    this.#elapsed = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}
