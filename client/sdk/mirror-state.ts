import type { BusError } from './bus-error.js';
import type { BusStatus } from './status.js';

/** Whether a mirror shows the current records. */
export type MirrorStatus =
  /** It follows the bus. */
  | { readonly state: 'live' }
  /** The mirror shows the records as of the loss of the bus; the current ones are not known. `since` in Unix milliseconds. */
  | { readonly state: 'unknown'; readonly since: number; readonly cause: string }
  /** The mirror shows the records as of its end and no longer changes. `error`: what ended it, absent if it was closed. */
  | { readonly state: 'closed'; readonly error?: BusError };

type Told<State extends MirrorStatus['state']> = Extract<MirrorStatus, { readonly state: State }>;

/** The states of a mirror, each with the status that the user sees. */
export type MirrorState =
  /** Not complete; the user does not have it yet. */
  | { readonly at: 'opening'; readonly status: Told<'unknown'> }
  /** Complete and connected. */
  | { readonly at: 'live'; readonly status: Told<'live'> }
  /** Complete as of when the bus was lost. */
  | { readonly at: 'lost'; readonly status: Told<'unknown'> }
  /** Ended for good: closed, or ended by an error. */
  | { readonly at: 'ended'; readonly status: Told<'closed'> };

/** What can happen to a mirror. */
export type MirrorEvent =
  /** Every view has received its snapshot. */
  | { readonly is: 'completed' }
  /** The client is connected. */
  | { readonly is: 'bus-back' }
  | { readonly is: 'bus-lost'; readonly since: number; readonly cause: string }
  | { readonly is: 'ended'; readonly error: BusError | undefined };

export const OPENING: MirrorState = { at: 'opening', status: { state: 'unknown', since: 0, cause: 'opening' } };
const LIVE: MirrorState = { at: 'live', status: { state: 'live' } };

/** Returns the state after an event; this table is the whole life of a mirror. No event changes the state `ended`. */
export function nextState(state: MirrorState, event: MirrorEvent): MirrorState {
  if (state.at === 'ended') return state;
  switch (event.is) {
    case 'completed':
      return state.at === 'opening' ? LIVE : state;
    case 'bus-back':
      return state.at === 'lost' ? LIVE : state;
    case 'bus-lost': {
      const { since, cause } = event;
      // An incomplete mirror is unknown anyway. A lost mirror keeps the moment of the first loss.
      return state.at === 'live' ? { at: 'lost', status: { state: 'unknown', since, cause } } : state;
    }
    case 'ended': {
      const { error } = event;
      return { at: 'ended', status: error ? { state: 'closed', error } : { state: 'closed' } };
    }
  }
}

/** Translates a client's status to an event of a mirror. @param now Unix milliseconds. */
export function busEvent(status: BusStatus, now: number): MirrorEvent {
  if (status.state === 'live') return { is: 'bus-back' };
  const cause = 'cause' in status ? (status.cause ?? 'connecting') : status.state;
  return { is: 'bus-lost', since: now, cause };
}
