import type { UnixMillis } from '../../protocol/index.js';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** A clock that stands still until it is turned. It starts at 2026-01-01T00:00:00Z. */
export class TurnableClock {
  readonly #timers = new Set<Timer>();
  #elapsed = 0;

  now(): UnixMillis {
    return (Date.UTC(2026, 0, 1) + this.#elapsed) as UnixMillis;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + Math.max(0, delayMs), call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Turns of the event loop take no time, and come by themselves. */
  nextTurn(call: () => void): () => void {
    const immediate = setImmediate(call);
    return () => {
      clearImmediate(immediate);
    };
  }

  /** A moment so many milliseconds from now, as records write it. */
  inFuture(ms: number): string {
    return new Date(this.now() + ms).toISOString();
  }

  /** Lets time pass; every timer fires at its own moment. */
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
