import type { ClockReading } from '../../protocol/index.js';

/** The clock and timers that the SDK uses. Tests pass one that they advance by hand. */
export interface ClientClock {
  /** Returns the wall clock, Unix milliseconds. */
  now(): number;
  /**
   * Returns milliseconds since some fixed moment, from a clock that is never set.
   * @default the wall clock, which may be set
   */
  elapsed?(): number;
  /** Calls `call` once after the delay in milliseconds. @returns a function that cancels the timer. */
  after(delayMs: number, call: () => void): () => void;
}

/** Returns the reading by which durations are measured, milliseconds. */
export const elapsedOf = (clock: ClientClock): number => clock.elapsed?.() ?? clock.now();

/** Returns both readings of this moment. */
export const readClocks = (clock: ClientClock): ClockReading => ({ wall: clock.now(), elapsed: elapsedOf(clock) });

/** 24 days. A timer that is set for longer ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: ClientClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, Math.min(delayMs, MAX_TIMER_MS));
    return () => {
      clearTimeout(timer);
    };
  },
};
