import { unixMillis, type UnixMillis } from '../../protocol/index.js';

/** Time, given to whatever needs it, so that tests can turn it. */
export interface Clock {
  /** The wall clock. */
  now(): UnixMillis;
  /** Milliseconds since some fixed moment, never set back or forward. */
  elapsed(): number;
  /** Calls once after `delayMs`; the returned function cancels. Delays are capped at `MAX_DELAY_MS`. */
  after(delayMs: number, call: () => void): () => void;
  /** Calls once in the next turn of the event loop, after it has looked for input; the returned function cancels. */
  nextTurn(call: () => void): () => void;
}

/** Beyond 2^31 − 1 ms Node fires at once; nothing here waits longer than a day without looking at the clock. */
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
