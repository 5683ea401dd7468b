/** Time as the SDK needs it; tests pass one that they turn. */
export interface ClientClock {
  /** Wall clock, Unix milliseconds. */
  now(): number;
  /** Calls once after the delay; the returned function cancels. */
  after(delayMs: number, call: () => void): () => void;
}

export const systemClock: ClientClock = {
  now: () => Date.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
