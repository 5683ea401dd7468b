import type { Spread } from './statistics.js';

/** The origin of a figure: the bus, the smallest program that does the task, or a program that people would use instead. */
export type Role = 'ours' | 'baseline' | 'peer';

/** A comparison of one figure, one contender per line. */
export interface Contest {
  readonly is: 'contest';
  readonly title: string;
  readonly axis: string;
  /** The unit, printed after each value. */
  readonly unit: string;
  readonly entries: readonly { readonly name: string; readonly role: Role; readonly value: Spread }[];
}

export interface Growth {
  readonly name: string;
  readonly role: Role;
  readonly points: readonly { readonly x: number; readonly value: Spread }[];
}

/** The growth of figures, on logarithmic axes. The slope of a line is the exponent that is printed beside it. */
export interface Growths {
  readonly is: 'growth';
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly lines: readonly Growth[];
}

/** A picture of a result. `file` follows the benchmark's name in the name of the file. */
export type Chart = (Contest | Growths) & { readonly file?: string };
