import { milliseconds, type OptionTable } from './option-table.js';

/** How long to wait before a connection is tried again. */
export interface BackoffOptions {
  /** The longest wait before the first retry. @default 250 */
  readonly firstMs?: number;
  /** The longest wait of all. @default 15_000 */
  readonly longestMs?: number;
}

export const BACKOFF_OPTIONS: OptionTable<BackoffOptions> = { firstMs: milliseconds, longestMs: milliseconds };

/**
 * Full jitter: anything from nothing to a bound that doubles with every attempt, so that a thousand clients of one server
 * do not come back as one.
 * @param attempt counts from 1.
 * @param random in [0, 1).
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions = {}): number {
  const { firstMs = 250, longestMs = 15_000 } = options;
  return Math.round(random * Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30)));
}
