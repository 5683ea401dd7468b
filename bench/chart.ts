import type { Spread } from './statistics.js';

/** Whose figure it is: ours, the least that would do, or what people would use instead. */
export type Role = 'ours' | 'baseline' | 'peer';

/** Contenders for one figure, one to a line. */
export interface Contest {
  readonly is: 'contest';
  readonly title: string;
  readonly axis: string;
  /** What stands behind a value. */
  readonly unit: string;
  readonly entries: readonly { readonly name: string; readonly role: Role; readonly value: Spread }[];
}

export interface Growth {
  readonly name: string;
  readonly role: Role;
  readonly points: readonly { readonly x: number; readonly value: Spread }[];
}

/** How something grows, on logarithmic axes: the slope of a line is the exponent that stands beside it. */
export interface Growths {
  readonly is: 'growth';
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly lines: readonly Growth[];
}

/** A picture of a result. `file` is what follows the benchmark's name in the file's. */
export type Chart = (Contest | Growths) & { readonly file?: string };
