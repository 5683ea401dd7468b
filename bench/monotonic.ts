/**
 * Returns the milliseconds of CLOCK_MONOTONIC, which is the same in all processes of one machine. So a time from one process can be
 * subtracted from a time from another.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
