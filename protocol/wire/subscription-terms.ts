/** The largest cap of a subscription. */
export const MAX_EVENTS = 2 ** 31 - 1;

/** How a subscription begins: with a snapshot, with the events after its cursor, or with a new snapshot because the cursor cannot be used. */
export type SubscribeMode = 'snapshot' | 'replay' | 'resync';
/**
 * Why a cursor cannot be used. `compacted`: the history no longer reaches back to it. `epoch`: it is of another epoch. `future`: it lies
 * beyond the present. `lagged`: the subscription fell too far behind. `restart`: the events after it were lost when the server was killed.
 */
export const RESYNC_REASONS = ['compacted', 'epoch', 'future', 'lagged', 'restart'] as const;
export type ResyncReason = (typeof RESYNC_REASONS)[number];
export type CompleteReason = 'max_events' | 'unsubscribed' | 'shutdown';
