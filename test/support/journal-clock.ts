import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../../server/clock.js';

/** A clock that is turned by hand: time passing, the wall clock being set, the machine asleep. */
export class HandClock implements Clock {
  #wall = Date.UTC(2026, 2, 30, 15);
  #elapsed = 1_000;
  readonly #timers = new Set<{ readonly at: number; readonly call: () => void }>();

  now(): UnixMillis {
    return unixMillis(this.#wall);
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, delayMs), call };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Both clocks go on, and timers come due in their order. */
  pass(ms: number): void {
    const until = this.#elapsed + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#advance(next.at - this.#elapsed);
      next.call();
    }
    this.#advance(until - this.#elapsed);
  }

  /** Time passes for a process that cannot run: timers come due late, at the end. */
  pause(ms: number): void {
    this.#advance(ms);
    this.pass(0);
  }

  /** Somebody sets the wall clock; or, as seen from here, the machine sleeps. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #advance(ms: number): void {
    this.#wall += Math.max(0, ms);
    this.#elapsed += Math.max(0, ms);
  }
}
