import { formatNumber } from './format-number.js';

/** A target of the design, and the measured value. */
export interface Target {
  readonly what: string;
  /** `≤ 80 ms` */
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export const atMost = (what: string, most: number, measured: number, unit = ''): Target => ({
  what,
  target: `≤ ${formatNumber(most)}${unit}`,
  measured: `${formatNumber(measured)}${unit}`,
  isMet: measured <= most,
});

export const atLeast = (what: string, least: number, measured: number, unit = ''): Target => ({
  what,
  target: `≥ ${formatNumber(least)}${unit}`,
  measured: `${formatNumber(measured)}${unit}`,
  isMet: measured >= least,
});

export const TARGET_COLUMNS = ['', 'target', 'measured', ''] as const;

export const targetRow = ({ what, target, measured, isMet }: Target): string[] => [
  what,
  target,
  measured,
  isMet ? 'met' : 'not met',
];
