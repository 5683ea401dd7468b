/**
 * Milliseconds of CLOCK_MONOTONIC, which all processes of one machine read alike: a time taken in one can be subtracted
 * from a time taken in another.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
