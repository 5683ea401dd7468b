import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import { systemClock, type Clock } from '../../server/index.js';

/** A clock for a server: the wall clock moves only when a test sets it, while timers and elapsed time are the machine's. */
export class SteppedClock implements Clock {
  #now = unixMillis(Date.UTC(2026, 2, 30, 15));

  now(): UnixMillis {
    return this.#now;
  }

  elapsed(): number {
    return systemClock.elapsed();
  }

  after(delayMs: number, call: () => void): () => void {
    return systemClock.after(delayMs, call);
  }

  nextTurn(call: () => void): () => void {
    return systemClock.nextTurn(call);
  }

  /** Moves the wall clock, forward or back. */
  step(ms: number): void {
    this.#now = unixMillis(this.#now + ms);
  }

  /** The time `fromNowMs` milliseconds from now, as records write it. */
  iso(fromNowMs: number): string {
    return new Date(this.#now + fromNowMs).toISOString();
  }
}
