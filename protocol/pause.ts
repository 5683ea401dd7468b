/** Both clocks at one moment, in milliseconds: the wall clock, and a monotonic one, which is never set. */
export interface ClockReading {
  readonly wall: number;
  readonly elapsed: number;
}

/** What is late by less than this is late because the machine is busy. */
const PAUSE_BOUND_MS = 5_000;

/**
 * For how long the machine slept, or this process was stopped, between two readings of the clocks that lie `expectedMs` apart for one who
 * stays awake. A monotonic clock stands still in a sleep on Linux, and goes on on macOS and Windows, so whichever clock went farther
 * counts. A wall clock that was set ahead looks the same.
 * @returns milliseconds; 0 if nothing shows a pause.
 */
export function pauseMs(before: ClockReading, now: ClockReading, expectedMs: number): number {
  const lateMs = Math.max(now.wall - before.wall, now.elapsed - before.elapsed) - expectedMs;
  return lateMs > PAUSE_BOUND_MS ? lateMs : 0;
}
