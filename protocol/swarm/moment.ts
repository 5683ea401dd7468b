import type { UnixMillis } from '../brand.js';
import type { Kind } from '../records/kinds.js';

/** When the records are looked at, and how far they can be believed then. */
export interface Moment {
  readonly now: UnixMillis;
  /**
   * Up to when all that happened is known to be in the records. A lease that ended after it may have been prolonged by a
   * record which has not arrived. @default now
   */
  readonly completeUntil?: UnixMillis;
  /** Kinds whose directories cannot be seen: what is known of them may be old, and more of them may exist. */
  readonly unseen?: ReadonlySet<Kind>;
}

export const isUnseen = ({ unseen }: Moment, kind: Kind): boolean => unseen?.has(kind) ?? false;

/** What ended longer ago is history: it is kept in the files, and faded from every overview. */
export const HISTORY_AFTER_MS = 3_600_000;

/** Whether what ended, or was said last, at a time is history. What says no time is not: nobody knows its age. */
export function isHistory(at: UnixMillis | undefined, { now }: Moment): boolean {
  return at !== undefined && now - at > HISTORY_AFTER_MS;
}
