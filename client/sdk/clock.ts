/** Time as the SDK needs it; tests pass one that they turn. */
export interface ClientClock {
  /** Wall clock, Unix milliseconds. */
  now(): number;
  /**
   * Milliseconds since some fixed moment, never set back or forward.
   * @default the wall clock, which may be
   */
  elapsed?(): number;
  /** Calls once after the delay; the returned function cancels. */
  after(delayMs: number, call: () => void): () => void;
}

/** What durations are measured by. */
export const elapsedOf = (clock: ClientClock): number => clock.elapsed?.() ?? clock.now();

export const systemClock: ClientClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
