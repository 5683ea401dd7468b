import type { CompleteReason, Revision } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';

/** The subscription is being sent the records of one cut. */
export interface InSnapshot {
  readonly at: 'snapshot';
  readonly versions: readonly RecordVersion[];
  /** The index in `versions` of the first one that has not been sent. */
  readonly next: number;
  /** The revision of the cut. */
  readonly cut: Revision;
  /** The group's index at the cut. */
  readonly joinAt: number;
}

/** The subscription is being sent the events after its cursor, up to the revision at which it subscribed. */
export interface InReplay {
  readonly at: 'replay';
  /** All matching events up to this revision have been sent. */
  readonly after: Revision;
  readonly until: Revision;
  /** The group's index at `until`. */
  readonly joinAt: number;
}

/** The subscription counts with its group's index, and has not been sent all that the group has counted. */
export interface Lagging {
  readonly at: 'lagging';
  /** All matching events up to this revision have been sent. */
  readonly after: Revision;
  /** The group's index of the first event that it has not been sent. */
  readonly index: number;
}

/** The states of a subscription that has not ended. Only `live` is on the hot path. */
export type ActiveState = InSnapshot | InReplay | Lagging | { readonly at: 'live' };

/** One for all: most subscriptions are live most of the time. */
const LIVE: ActiveState = { at: 'live' };

/** The state of a subscription: how far it has been served. */
export type DeliveryState =
  | ActiveState
  /** `from`: the state in which it ended. */
  | { readonly at: 'ended'; readonly reason: EndReason; readonly from: ActiveState };

export type EndReason = CompleteReason | 'disconnected';

/** The state in which a subscription begins, or begins again. */
export type InitialDelivery = InSnapshot | InReplay;

/** An event in the life of a subscription. */
export type DeliveryEvent =
  /** The records before `next` have been sent. */
  | { readonly is: 'snapshot-sent'; readonly next: number }
  /** All matching events up to `after` have been sent, in a replay or of those it had missed. */
  | { readonly is: 'history-sent'; readonly after: Revision; readonly events: number }
  /** The snapshot or the replay is complete. */
  | { readonly is: 'synced' }
  /** All events that it had missed have been sent. */
  | { readonly is: 'caught-up' }
  /** Its port is congested: all matching events up to `after` have been sent, and `index` is the group's index of the next one. */
  | { readonly is: 'fell-behind'; readonly after: Revision; readonly index: number }
  /** The events that it needs are no longer in the history. */
  | { readonly is: 'restarted'; readonly by: InitialDelivery }
  | { readonly is: 'ended'; readonly reason: EndReason };

export type DeliveryEventName = DeliveryEvent['is'];
export type DeliveryStateName = DeliveryState['at'];

/**
 * Returns the state of a subscription after an event. A subscription that has ended stays ended: if a frame cannot be sent, the
 * socket is closed and its subscriptions end before the call that sent the frame returns, so that more events may follow.
 * @throws Error for an event that cannot happen in this state, which is a fault of the server.
 */
export function nextState(state: DeliveryState, event: DeliveryEvent): DeliveryState {
  if (state.at === 'ended') return state;
  switch (event.is) {
    case 'ended':
      return { at: 'ended', reason: event.reason, from: state };
    case 'restarted':
      if (state.at === 'replay' || state.at === 'lagging') return event.by;
      break;
    case 'snapshot-sent':
      if (state.at === 'snapshot') return { ...state, next: event.next };
      break;
    case 'history-sent':
      if (state.at === 'replay') return { ...state, after: event.after };
      if (state.at === 'lagging') return { at: 'lagging', after: event.after, index: state.index + event.events };
      break;
    case 'synced':
      if (state.at === 'snapshot' && state.next === state.versions.length) return joined(state.cut, state.joinAt);
      if (state.at === 'replay' && state.after === state.until) return joined(state.until, state.joinAt);
      break;
    case 'caught-up':
      if (state.at === 'lagging') return LIVE;
      break;
    case 'fell-behind':
      if (state.at === 'live') return { at: 'lagging', after: event.after, index: event.index };
      break;
  }
  throw new Error(`a subscription cannot be ${event.is} in the state ${state.at}`);
}

const joined = (after: Revision, index: number): Lagging => ({ at: 'lagging', after, index });
