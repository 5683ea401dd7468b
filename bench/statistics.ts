/** Returns the value below which a share of the values lies, by the nearest rank; NaN if there are no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The summary of several rounds of one figure. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** Returns the ratios of neighbouring rounds, so that a disturbance of both cancels out. */
export function pairedRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.slice(0, theirs.length).map((value, round) => value / theirs[round]!);
}

/**
 * Returns the ratio of two p99s, each of all rounds together. The p99 of one round is about its fourth longest value, and the median of
 * five such ratios can be anything between 0.9 and 3 for the same two programs.
 */
export function tailRatio(ours: readonly (readonly number[])[], theirs: readonly (readonly number[])[]): number {
  return percentile(ours.flat(), 0.99) / percentile(theirs.flat(), 0.99);
}

/** Returns the exponent b of the y = a·x^b that fits best: 0 if the cost is constant, 1 if it is linear. */
export function fittedExponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.filter(([x, y]) => x > 0 && y > 0).map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** Returns the same for measured points, from their medians. */
export function exponentOf(points: readonly { readonly x: number; readonly value: Spread }[]): number {
  return fittedExponent(points.map(({ x, value }) => [x, value.median]));
}
