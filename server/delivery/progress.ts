import type { CompleteReason, Filter, Matcher, Revision } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import type { ActiveState } from './delivery-state.js';
import type { Beginning, Subscription } from './subscription.js';

/** How far a subscription has been served. */
export type Progress =
  /** In a snapshot at `cut`: all records until `last`, in canonical order, have been sent; none where it is `undefined`. */
  | { readonly at: 'snapshot'; readonly cut: Revision; readonly last: RecordVersion | undefined }
  /** Everything until `until` has been sent, or does not match. */
  | { readonly at: 'replay' | 'lagging' | 'live'; readonly until: Revision };

/** What an explanation must know of a subscription; holds on to no snapshot, so that it can be kept. */
export interface SubscriptionProgress {
  readonly filter: Filter;
  readonly matcher: Matcher;
  readonly beginning: Beginning;
  readonly progress: Progress;
  /** Infinity where there is no cap. */
  readonly maxEvents: number;
  readonly delivered: number;
  /** Where it is over. */
  readonly ended?: CompleteReason;
  /** Bytes that its socket has not taken, where the port is congested. */
  readonly queuedBytes?: number;
}

/** @param now the revision up to which live subscriptions have been told. */
export function progressOf(subscription: Subscription, now: Revision): SubscriptionProgress {
  const { group, beginning, maxEvents, delivered, state, owner } = subscription;
  const active = state.at === 'ended' ? state.from : state;
  return {
    filter: group.filter,
    matcher: group.matcher,
    beginning,
    progress: positionOf(active, now),
    maxEvents,
    delivered,
    ...(state.at === 'ended' && state.reason !== 'disconnected' ? { ended: state.reason } : {}),
    ...(state.at !== 'ended' && owner.port.state === 'congested' ? { queuedBytes: owner.port.socket.queuedBytes } : {}),
  };
}

function positionOf(state: ActiveState, now: Revision): Progress {
  switch (state.at) {
    case 'snapshot':
      return { at: 'snapshot', cut: state.cut, last: state.versions[state.next - 1] };
    case 'replay':
    case 'lagging':
      return { at: state.at, until: state.after };
    case 'live':
      return { at: 'live', until: now };
  }
}
