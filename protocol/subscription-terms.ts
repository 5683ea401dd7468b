/** How a subscription begins: with a snapshot, with what followed its cursor, or anew because the cursor is of no use. */
export type SubscribeMode = 'snapshot' | 'replay' | 'resync';
/** Why a cursor is of no use: history no longer reaches back to it; another epoch's; beyond the present; fell behind. */
export type ResyncReason = 'compacted' | 'epoch' | 'future' | 'lagged';
export type CompleteReason = 'max_events' | 'unsubscribed' | 'shutdown';
