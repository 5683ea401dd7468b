import type { UnixMillis } from '../brand.js';
import type { Kind } from '../records/kinds.js';

/** The time for which the records are evaluated, and how complete the records are. */
export interface Moment {
  readonly now: UnixMillis;
  /**
   * The records contain everything that happened until this time. A lease that ended later may have been prolonged by a record that has not
   * arrived. @default now
   */
  readonly completeUntil?: UnixMillis;
  /** Kinds whose directories cannot be seen. Known records of these kinds may be old, and unknown ones may exist. */
  readonly unseen?: ReadonlySet<Kind>;
}

export const isUnseen = ({ unseen }: Moment, kind: Kind): boolean => unseen?.has(kind) ?? false;

/** What ended longer ago than this is history: the files keep it, but overviews show it faded. */
export const HISTORY_AFTER_MS = 3_600_000;

/** Whether something that ended or was last written at this time is history. Without a time it is not, because its age is unknown. */
export function isHistory(at: UnixMillis | undefined, { now }: Moment): boolean {
  return at !== undefined && now - at > HISTORY_AFTER_MS;
}
