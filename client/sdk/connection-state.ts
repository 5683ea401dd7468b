import { RECONNECT_AFTER, type CloseCode } from '../../protocol/index.js';
import { backoffMs, type BackoffOptions } from './backoff.js';
import type { BusError } from './bus-error.js';
import { closeError, suggestedDelayMs } from './close-error.js';
import type { BusStatus } from './status.js';

type Told<State extends BusStatus['state']> = Extract<BusStatus, { readonly state: State }>;

/** What a connection remembers of its attempts. */
interface Attempts {
  /** How many there have been since it was live. */
  readonly attempts: number;
  /** No server has ever welcomed it. */
  readonly isFirst: boolean;
}

/** How a client stands with its bus. `status` is what its watchers are told of it, `timerMs` how long the state may last. */
export type ConnectionState =
  /** Nobody has asked for a connection. */
  | (Attempts & { readonly at: 'idle'; readonly status: Told<'connecting'> })
  /** A channel is being made, or has been made and has not brought a welcome. */
  | (Attempts & { readonly at: 'dialling'; readonly status: Told<'connecting'>; readonly timerMs: number })
  /** Welcomed. The time begins again with each message. */
  | (Attempts & { readonly at: 'live'; readonly status: Told<'live'>; readonly timerMs: number })
  /** We give the channel up; it is as good as broken. */
  | (Attempts & { readonly at: 'stale'; readonly status: Told<'stale'> })
  /** Until the next attempt. */
  | (Attempts & { readonly at: 'waiting'; readonly status: Told<'connecting'>; readonly timerMs: number })
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

export const IDLE: ConnectionState = {
  at: 'idle',
  status: { state: 'connecting', attempt: 1, delayMs: 0 },
  attempts: 0,
  isFirst: true,
};

/**
 * The whole life of a connection: the state after an event. What comes too late leaves the state as it is: it is of a channel or a
 * timer that is no more. Closed is closed, whatever comes.
 */
export function nextState(state: ConnectionState, event: ConnectionEvent, rules: ConnectionRules): ConnectionState {
  if (state.at === 'closed') return state;
  switch (event.is) {
    case 'opened':
      return state.at === 'idle' ? dialling(state) : state;
    case 'welcomed':
      if (state.at !== 'dialling') return state;
      return {
        at: 'live',
        status: { state: 'live', roundTripMs: 0, clockSkewMs: event.clockSkewMs },
        timerMs: event.heartbeatMs * HEARTBEATS_MISSED,
        attempts: 0,
        isFirst: false,
      };
    case 'heard':
      return state.at === 'live' ? { ...state, status: { ...state.status, ...event.says } } : state;
    case 'timer':
      if (state.at === 'waiting') return dialling(state);
      if (state.at !== 'dialling' && state.at !== 'live') return state;
      return stale(
        state,
        event.now,
        `${state.at === 'live' ? 'nothing heard for' : 'no welcome within'} ${String(state.timerMs)} ms`,
      );
    case 'gap':
      return state.at === 'live' ? stale(state, event.now, event.cause) : state;
    case 'broken':
      return state.at === 'idle' || state.at === 'waiting' ? state : broken(state, event, rules);
    case 'ended':
      return closed(event.error, event.why);
  }
}

const dialling = ({
  status,
  attempts,
  isFirst,
}: Extract<ConnectionState, { readonly at: 'idle' | 'waiting' }>): ConnectionState => ({
  at: 'dialling',
  status,
  timerMs: WELCOME_MS,
  attempts: attempts + 1,
  isFirst,
});

const stale = ({ attempts, isFirst }: Attempts, since: number, cause: string): ConnectionState => ({
  at: 'stale',
  status: { state: 'stale', since, cause },
  attempts,
  isFirst,
});

function broken(
  { attempts, isFirst }: Attempts,
  { code, reason, error, random }: Extract<ConnectionEvent, { readonly is: 'broken' }>,
  { backoff, maxAttempts, waitOnFirstConnect }: ConnectionRules,
): ConnectionState {
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
  return {
    at: 'waiting',
    status: { state: 'connecting', attempt, delayMs, cause },
    timerMs: delayMs,
    attempts,
    isFirst,
  };
}

const closed = (error: BusError | undefined, why: BusError): ConnectionState => ({
  at: 'closed',
  status: error ? { state: 'closed', error } : { state: 'closed' },
  why,
});
