/** How a subscription begins: with a snapshot, with what followed its cursor, or anew because the cursor is of no use. */
export type SubscribeMode = 'snapshot' | 'replay' | 'resync';
/**
 * Why a cursor is of no use: history no longer reaches back to it; another epoch's; beyond the present; fell behind; what followed
 * it was lost when the server was killed.
 */
export const RESYNC_REASONS = ['compacted', 'epoch', 'future', 'lagged', 'restart'] as const;
export type ResyncReason = (typeof RESYNC_REASONS)[number];
export type CompleteReason = 'max_events' | 'unsubscribed' | 'shutdown';
