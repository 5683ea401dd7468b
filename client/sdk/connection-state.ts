import { RECONNECT_AFTER, type CloseCode } from '../../protocol/index.js';
import { backoffMs, type BackoffOptions } from './backoff.js';
import type { BusError } from './bus-error.js';
import { closeError, suggestedDelayMs } from './close-error.js';
import type { BusStatus } from './status.js';

type Told<State extends BusStatus['state']> = Extract<BusStatus, { readonly state: State }>;

/**
 * How a client stands with its bus. `status` is what its watchers are told of it, `timerMs` how long the state may last;
 * `isFirst`: no server has ever welcomed it.
 */
export type ConnectionState =
  /** Nobody has asked for a connection. */
  | { readonly at: 'idle'; readonly status: Told<'connecting'> }
  /** A channel is being made, or has been made and has not brought a welcome. */
  | {
      readonly at: 'dialling';
      readonly status: Told<'connecting'>;
      readonly isFirst: boolean;
      readonly timerMs: number;
    }
  /** Welcomed. The time begins again with each message. */
  | { readonly at: 'live'; readonly status: Told<'live'>; readonly timerMs: number }
  /** We give the channel up; it is as good as broken. */
  | { readonly at: 'stale'; readonly status: Told<'stale'>; readonly isFirst: boolean; readonly attempt: number }
  /** Until the next attempt. */
  | { readonly at: 'waiting'; readonly status: Told<'connecting'>; readonly isFirst: boolean; readonly timerMs: number }
  /** For good. `why` refuses whatever is asked from now on. */
  | { readonly at: 'closed'; readonly status: Told<'closed'>; readonly why: BusError };

/** What can happen to a connection. */
export type ConnectionEvent =
  /** It is wanted. */
  | { readonly is: 'opened' }
  | { readonly is: 'welcomed'; readonly clockSkewMs: number; readonly heartbeatMs: number }
  /** The server has said more of how it stands. */
  | { readonly is: 'heard'; readonly says: Partial<Pick<Told<'live'>, 'roundTripMs' | 'clockSkewMs' | 'health'>> }
  /** The time of the state is over. */
  | { readonly is: 'timer'; readonly now: number }
  /** Events are missing. */
  | { readonly is: 'gap'; readonly now: number; readonly cause: string }
  /** The channel has ended, or was given up. `error`: where it is known why none came about. `random` in [0, 1). */
  | {
      readonly is: 'broken';
      readonly code: number;
      readonly reason: string;
      readonly error?: BusError | undefined;
      readonly random: number;
    }
  /** Closed by its user, or for an error after which nothing the server says can be used. */
  | { readonly is: 'ended'; readonly error: BusError | undefined; readonly why: BusError };

/** What its user has decided once. */
export interface ConnectionRules {
  readonly backoff: BackoffOptions;
  /** Give up after so many attempts in a row. */
  readonly maxAttempts: number;
  /** Whether the first attempt too is repeated. */
  readonly waitOnFirstConnect: boolean;
}

/** How long a server may take from the dial to its welcome. */
const WELCOME_MS = 20_000;
/** A heartbeat that is this many intervals late means that the connection is dead. */
const HEARTBEATS_MISSED = 2.5;
/** After a close that asks for patience, the wait is at least this long. */
const LATER_MS = 5_000;

export const IDLE: ConnectionState = { at: 'idle', status: { state: 'connecting', attempt: 1, delayMs: 0 } };

/**
 * The whole life of a connection: the state after an event. What comes too late leaves the state as it is: it is of a channel or a
 * timer that is no more. Closed is closed, whatever comes.
 */
export function nextState(state: ConnectionState, event: ConnectionEvent, rules: ConnectionRules): ConnectionState {
  if (state.at === 'closed') return state;
  switch (event.is) {
    case 'opened':
      return state.at === 'idle' ? dialling(state.status, true) : state;
    case 'welcomed':
      if (state.at !== 'dialling') return state;
      return {
        at: 'live',
        status: { state: 'live', roundTripMs: 0, clockSkewMs: event.clockSkewMs },
        timerMs: event.heartbeatMs * HEARTBEATS_MISSED,
      };
    case 'heard':
      return state.at === 'live' ? { ...state, status: { ...state.status, ...event.says } } : state;
    case 'timer':
      if (state.at === 'waiting') return dialling(state.status, state.isFirst);
      if (state.at === 'dialling') return stale(state, event.now, `no welcome within ${String(state.timerMs)} ms`);
      return state.at === 'live' ? stale(state, event.now, `nothing heard for ${String(state.timerMs)} ms`) : state;
    case 'gap':
      return state.at === 'live' ? stale(state, event.now, event.cause) : state;
    case 'broken':
      return state.at === 'idle' || state.at === 'waiting' ? state : broken(state, event, rules);
    case 'ended':
      return closed(event.error, event.why);
  }
}

type Connected = Extract<ConnectionState, { readonly at: 'dialling' | 'live' | 'stale' }>;

function broken(
  state: Connected,
  { code, reason, error, random }: Extract<ConnectionEvent, { readonly is: 'broken' }>,
  { backoff, maxAttempts, waitOnFirstConnect }: ConnectionRules,
): ConnectionState {
  const attempts = attemptsOf(state);
  const isFirst = isFirstOf(state);
  const why = error ?? closeError(code, reason);
  const advice = RECONNECT_AFTER[code as CloseCode] as 'yes' | 'later' | 'no' | undefined;
  // Between a server's end and its successor's start there is no endpoint file, or one that nobody stands behind.
  const isBetween = error?.code === 'no-endpoint' || error?.code === 'untrusted-endpoint';
  const isHopeless = advice === 'no' || (error !== undefined && !error.retryable && !isBetween);
  if (isHopeless || (isFirst && !waitOnFirstConnect) || attempts >= maxAttempts) return closed(why, why);
  const attempt = attempts + 1;
  const laterMs = suggestedDelayMs(reason) + (advice === 'later' ? LATER_MS : 0);
  const delayMs = laterMs + backoffMs(attempt, random, backoff);
  const cause = reason === '' ? why.message : reason;
  return { at: 'waiting', status: { state: 'connecting', attempt, delayMs, cause }, isFirst, timerMs: delayMs };
}

/** How many attempts have been made since it was live. */
const attemptsOf = (state: Connected): number =>
  state.at === 'live' ? 0 : state.at === 'stale' ? state.attempt : state.status.attempt;

const isFirstOf = (state: Connected): boolean => state.at !== 'live' && state.isFirst;

const dialling = (status: Told<'connecting'>, isFirst: boolean): ConnectionState => ({
  at: 'dialling',
  status,
  isFirst,
  timerMs: WELCOME_MS,
});

const stale = (state: Connected, since: number, cause: string): ConnectionState => ({
  at: 'stale',
  status: { state: 'stale', since, cause },
  isFirst: isFirstOf(state),
  attempt: attemptsOf(state),
});

const closed = (error: BusError | undefined, why: BusError): ConnectionState => ({
  at: 'closed',
  status: error ? { state: 'closed', error } : { state: 'closed' },
  why,
});
