/** Milliseconds beyond the time asked for. */
export interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

const NAP_MS = 20;

/** Sleeps, and notes how late it wakes. @returns what tells. */
export function sleep(): () => Lateness {
  const late: number[] = [];
  const nap = (): void => {
    const began = performance.now();
    setTimeout(() => {
      late.push(performance.now() - began - NAP_MS);
      nap();
    }, NAP_MS);
  };
  nap();
  return () => {
    const sorted = late.sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), worst: at(1) };
  };
}
