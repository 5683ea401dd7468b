import type { CompleteReason, Filter, Matcher, Revision } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import type { Beginning, Subscription } from './subscription.js';

/** How far a subscription has been served. */
export type Progress =
  /** In a snapshot at `cut`: all records until `last`, in canonical order, have been sent; none where it is `undefined`. */
  | { readonly at: 'snapshot'; readonly cut: Revision; readonly last: RecordVersion | undefined }
  /** Everything until `until` has been sent, or does not match. */
  | { readonly at: 'replay' | 'lagging' | 'live'; readonly until: Revision };

/** What an explanation must know of a subscription; holds on to no snapshot, so that it can be kept. */
export interface Served {
  readonly filter: Filter;
  readonly matcher: Matcher;
  readonly beginning: Beginning;
  readonly progress: Progress;
  /** Infinity where there is no cap. */
  readonly maxEvents: number;
  readonly delivered: number;
  /** Where it is over. */
  readonly ended?: CompleteReason;
  /** Bytes that its socket has not taken, where the session waits for that. */
  readonly queuedBytes?: number;
}

/** @param now the revision up to which live subscriptions have been told. */
export function servedOf(subscription: Subscription, now: Revision): Served {
  const { group, beginning, maxEvents, delivered } = subscription;
  const progress = progressOf(subscription, now);
  return { filter: group.filter, matcher: group.matcher, beginning, progress, maxEvents, delivered };
}

function progressOf({ delivery }: Subscription, now: Revision): Progress {
  switch (delivery.at) {
    case 'snapshot':
      return { at: 'snapshot', cut: delivery.cut, last: delivery.versions[delivery.next - 1] };
    case 'replay':
    case 'lagging':
      return { at: delivery.at, until: delivery.after };
    case 'live':
    case 'ended':
      return { at: 'live', until: now };
  }
}
