import type { BusEvent, ResyncReason } from '../../protocol/index.js';

/** What a subscription brings, in order; its iterator shows the events only, `updates()` all of it. */
export type Update =
  | { readonly type: 'event'; readonly event: BusEvent }
  /** All that stood is known; what comes now is change. `cursor`: resume here. */
  | { readonly type: 'synced'; readonly cursor: string }
  /** What follows is a new snapshot: forget what is not in it. `interrupted`: the connection broke inside a snapshot. */
  | { readonly type: 'resync'; readonly reason: ResyncReason | 'interrupted' };
