import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import { systemClock, type Clock } from '../../server/index.js';

/** A server's clock whose wall time stands still until it is set, while its timers and its pace are the machine's. */
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

  /** The wall clock is set, forward or back. */
  step(ms: number): void {
    this.#now = unixMillis(this.#now + ms);
  }

  /** A moment as records write it. */
  iso(fromNowMs: number): string {
    return new Date(this.#now + fromNowMs).toISOString();
  }
}
