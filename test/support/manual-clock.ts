import { unixMillis, type UnixMillis } from '../../protocol/index.js';
import { systemClock, type Clock } from '../../server/runtime/clock.js';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** 2026-03-30T15:00:00Z, when every fake clock starts. */
export const START = Date.UTC(2026, 2, 30, 15);

/** A clock that stands still until a test turns it. */
export class ManualClock implements Clock {
  /** By how much time passes whenever somebody looks how much has passed: what long work looks like. */
  lookCostMs = 0;
  #elapsed = 0;
  /** By how much the wall clock has been set. */
  #set = 0;
  readonly #timers = new Set<Timer>();

  now(): UnixMillis {
    return unixMillis(START + this.#elapsed + this.#set);
  }

  elapsed(): number {
    this.#elapsed += this.lookCostMs;
    return this.#elapsed;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + Math.max(0, delayMs), call };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Turns of the loop are real: they take no time. */
  nextTurn(call: () => void): () => void {
    return systemClock.nextTurn(call);
  }

  /** Lets time pass; timers fire in order, each at its own moment. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (let next = this.#nextUntil(end); next; next = this.#nextUntil(end)) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.call();
    }
    this.#elapsed = end;
  }

  /** Time passes while the process sleeps: every timer that is due fires late, all at the end. */
  sleepThrough(ms: number): void {
    this.#elapsed += ms;
    this.advance(0);
  }

  /** Somebody sets the wall clock; timers do not notice. */
  setWallClock(byMs: number): void {
    this.#set += byMs;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  #nextUntil(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}
