import { unixMillis, type UnixMillis } from '../../protocol/index.js';

/** The time and the timers, passed in so that tests can replace them. */
export interface Clock {
  /** The wall clock. */
  now(): UnixMillis;
  /** Milliseconds since a fixed moment, by a monotonic clock, which is never set back or forward. */
  elapsed(): number;
  /** Calls once after `delayMs`, which is capped at `MAX_DELAY_MS`. @returns a function that cancels the call. */
  after(delayMs: number, call: () => void): () => void;
  /** Calls once in the next turn of the event loop, after its poll phase. @returns a function that cancels the call. */
  nextTurn(call: () => void): () => void;
}

/** The longest delay of a timer. Node fires timers beyond 2^31 − 1 ms at once, and no caller here waits longer than a day. */
export const MAX_DELAY_MS = 86_400_000;

export const systemClock: Clock = {
  now: () => unixMillis(Date.now()),
  elapsed: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return () => {
      clearTimeout(timer);
    };
  },
  nextTurn: (call) => {
    const turn = setImmediate(call);
    return () => {
      clearImmediate(turn);
    };
  },
};
