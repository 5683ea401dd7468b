import type { CompleteReason, Filter, Matcher, Revision } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import type { ActiveState } from './delivery-state.js';
import type { Beginning, Subscription } from './subscription.js';

/** How far a subscription has been served. */
export type Progress =
  /** In a snapshot at `cut`: all records up to `last`, in canonical order, have been sent; none if it is `undefined`. */
  | { readonly at: 'snapshot'; readonly cut: Revision; readonly last: RecordVersion | undefined }
  /** All matching events up to `until` have been sent. */
  | { readonly at: 'replay' | 'lagging' | 'live'; readonly until: Revision };

/** The data about a subscription that an explanation needs. It refers to no snapshot, so that keeping it costs little memory. */
export interface SubscriptionProgress {
  readonly filter: Filter;
  readonly matcher: Matcher;
  readonly beginning: Beginning;
  readonly progress: Progress;
  /** The cap of the subscription; Infinity if it has none. */
  readonly maxEvents: number;
  readonly delivered: number;
  /** The reason of its end; absent if it has not ended. */
  readonly ended?: CompleteReason;
  /** The bytes in its socket's queue; absent unless the port is congested. */
  readonly queuedBytes?: number;
}

/** Returns the progress of a subscription. @param now the revision up to which live subscriptions have been sent all events. */
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
