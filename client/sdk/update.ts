import type { BusEvent, ResyncReason } from '../../protocol/index.js';

/** What a subscription delivers, in order: `updates()` returns all of it, the iterator only the events. */
export type Update =
  | { readonly type: 'event'; readonly event: BusEvent }
  /** The snapshot or replay is complete; only changes follow. `cursor`: the place to resume after, `epoch:revision`. */
  | { readonly type: 'synced'; readonly cursor: string }
  /** A new snapshot follows: forget every record that is not in it. `interrupted`: the connection broke within a snapshot. */
  | { readonly type: 'resync'; readonly reason: ResyncReason | 'interrupted' };
