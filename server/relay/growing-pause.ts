/** The bounds of the pauses between attempts, milliseconds. */
export interface PauseBounds {
  readonly first: number;
  readonly longest: number;
}

/**
 * Returns the pause after a number of failures in a row, milliseconds: it doubles up to a bound. Half of it is certain, so that no attempt
 * follows another at once; half is random, so that many servers do not return together.
 * @param failures 1 or more.
 * @param random in [0, 1).
 */
export function growingPause(failures: number, random: number, { first, longest }: PauseBounds): number {
  const bound = Math.min(longest, first * 2 ** Math.min(failures - 1, 30));
  return Math.round((bound * (1 + random)) / 2);
}
