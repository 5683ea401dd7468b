import { milliseconds, type OptionTable } from './option-table.js';

/** How long a client waits before it tries to connect again. */
export interface BackoffOptions {
  /** The upper bound of the wait before the first retry, milliseconds; it doubles with each attempt. @default 250 */
  readonly firstMs?: number;
  /** The upper bound of every wait, milliseconds. @default 15_000 */
  readonly longestMs?: number;
}

export const BACKOFF_OPTIONS: OptionTable<BackoffOptions> = { firstMs: milliseconds, longestMs: milliseconds };

/**
 * Returns a wait in milliseconds with full jitter: a random part of a bound that doubles with every attempt. So a thousand clients of one
 * server do not all reconnect at the same moment.
 * @param attempt counts from 1.
 * @param random in [0, 1).
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions = {}): number {
  const { firstMs = 250, longestMs = 15_000 } = options;
  return Math.round(random * Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30)));
}
