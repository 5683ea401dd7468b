/** How late timers fired, in milliseconds. */
export interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

const INTERVAL_MS = 20;

/** Sets a timer again and again, and records how late it fires. @returns a function that returns the figures */
export function sleep(): () => Lateness {
  const late: number[] = [];
  const measure = (): void => {
    const began = performance.now();
    setTimeout(() => {
      late.push(performance.now() - began - INTERVAL_MS);
      measure();
    }, INTERVAL_MS);
  };
  measure();
  return () => {
    const sorted = late.sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), worst: at(1) };
  };
}
