import type { BusError } from './bus-error.js';
import type { BusStatus } from './status.js';

/** How far a mirror can be believed. */
export type MirrorStatus =
  /** It follows the bus. */
  | { readonly state: 'live' }
  /** It shows what was so until the bus was lost; what is so now is not known. `since` in Unix milliseconds. */
  | { readonly state: 'unknown'; readonly since: number; readonly cause: string }
  /** It shows what was so when it ended, and changes no more. */
  | { readonly state: 'closed'; readonly error?: BusError };

type Told<State extends MirrorStatus['state']> = Extract<MirrorStatus, { readonly state: State }>;

/** The life of a mirror, with what it says of itself in each state. */
export type MirrorState =
  /** Not complete, and not given out. */
  | { readonly at: 'opening'; readonly status: Told<'unknown'> }
  /** Complete, and the bus is there. */
  | { readonly at: 'live'; readonly status: Told<'live'> }
  /** Complete as of when the bus was lost. */
  | { readonly at: 'lost'; readonly status: Told<'unknown'> }
  /** For good, with what ended it, where it was not closed. */
  | { readonly at: 'ended'; readonly status: Told<'closed'> };

/** What can happen to a mirror. */
export type MirrorEvent =
  /** All that it follows has been told. */
  | { readonly is: 'completed' }
  /** The bus is there. */
  | { readonly is: 'bus-back' }
  | { readonly is: 'bus-lost'; readonly since: number; readonly cause: string }
  | { readonly is: 'ended'; readonly error: BusError | undefined };

export const OPENING: MirrorState = { at: 'opening', status: { state: 'unknown', since: 0, cause: 'opening' } };
const LIVE: MirrorState = { at: 'live', status: { state: 'live' } };

/** The whole life of a mirror: the state after an event. What changes nothing leaves it as it is; ended is ended, whatever comes. */
export function nextState(state: MirrorState, event: MirrorEvent): MirrorState {
  if (state.at === 'ended') return state;
  switch (event.is) {
    case 'completed':
      return state.at === 'opening' ? LIVE : state;
    case 'bus-back':
      return state.at === 'lost' ? LIVE : state;
    case 'bus-lost': {
      const { since, cause } = event;
      // Before it is complete there is nothing to be believed; after it was lost it is of that moment.
      return state.at === 'live' ? { at: 'lost', status: { state: 'unknown', since, cause } } : state;
    }
    case 'ended': {
      const { error } = event;
      return { at: 'ended', status: error ? { state: 'closed', error } : { state: 'closed' } };
    }
  }
}

/** What a change of the bus is to a mirror. */
export function busEvent(status: BusStatus, now: number): MirrorEvent {
  if (status.state === 'live') return { is: 'bus-back' };
  const cause = 'cause' in status ? (status.cause ?? 'connecting') : status.state;
  return { is: 'bus-lost', since: now, cause };
}
