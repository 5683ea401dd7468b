import type { CompleteReason, Revision } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';

/** The records of one cut are being sent. */
export interface InSnapshot {
  readonly at: 'snapshot';
  readonly versions: readonly RecordVersion[];
  /** Place in `versions` of the next one that has not been sent. */
  readonly next: number;
  /** The revision of the cut. */
  readonly cut: Revision;
  /** The group's index at the cut. */
  readonly joinAt: number;
}

/** What followed its cursor is being sent, up to the moment it subscribed. */
export interface InReplay {
  readonly at: 'replay';
  /** Everything up to here has been sent, or does not match. */
  readonly after: Revision;
  readonly until: Revision;
  /** The group's index at `until`. */
  readonly joinAt: number;
}

/** It counts with its group, and is behind it. */
export interface Lagging {
  readonly at: 'lagging';
  /** Everything up to here has been sent, or does not match. */
  readonly after: Revision;
  /** The group's number of the next event it has not been sent. */
  readonly index: number;
}

/** Served, in one way or another. Only `live` is on the hot path. */
export type ActiveState = InSnapshot | InReplay | Lagging | { readonly at: 'live' };

/** How far a subscription has been served. */
export type DeliveryState =
  | ActiveState
  /** `from`: the state in which it ended. */
  | { readonly at: 'ended'; readonly reason: EndReason; readonly from: ActiveState };

export type EndReason = CompleteReason | 'disconnected';

/** Where a subscription begins, or begins again. */
export type InitialDelivery = InSnapshot | InReplay;

/** What can happen to a subscription. */
export type DeliveryEvent =
  /** The records before `next` have been sent. */
  | { readonly is: 'snapshot-sent'; readonly next: number }
  /** What matches up to `after` has been sent: of the replay, or of what it had missed. */
  | { readonly is: 'history-sent'; readonly after: Revision; readonly events: number }
  /** The snapshot or the replay is complete. */
  | { readonly is: 'synced' }
  /** Nothing is left that it has missed. */
  | { readonly is: 'caught-up' }
  /** Its port is congested: everything up to `after` has been sent, and `index` is the number of the next event. */
  | { readonly is: 'fell-behind'; readonly after: Revision; readonly index: number }
  /** What it needs is no longer in history, or its cursor is of no use. */
  | { readonly is: 'restarted'; readonly by: InitialDelivery }
  | { readonly is: 'ended'; readonly reason: EndReason };

export type DeliveryEventName = DeliveryEvent['is'];
export type DeliveryStateName = DeliveryState['at'];

/**
 * The whole life of a subscription: the state after an event. An ended one stays ended, whatever comes: a frame that
 * cannot be sent closes the socket, and ends its subscriptions, before the call that sent it returns.
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
      if (state.at === 'lagging') return { at: 'live' };
      break;
    case 'fell-behind':
      if (state.at === 'live') return { at: 'lagging', after: event.after, index: event.index };
      break;
  }
  throw new Error(`a subscription cannot be ${event.is} in the state ${state.at}`);
}

const joined = (after: Revision, index: number): Lagging => ({ at: 'lagging', after, index });
