import { RECONNECT_AFTER, type CloseCode } from '../../protocol/index.js';
import { backoffMs, type BackoffOptions } from './backoff.js';
import type { BusError } from './bus-error.js';
import { causeIn, closeError, suggestedDelayMs } from './close-error.js';
import type { BusStatus } from './status.js';

type Told<State extends BusStatus['state']> = Extract<BusStatus, { readonly state: State }>;

/** The attempts to connect so far. */
interface Attempts {
  /** The number of attempts since the connection was last live. */
  readonly attempts: number;
  /** Whether no server has welcomed this client yet. */
  readonly isFirst: boolean;
}

/** The state of a connection. Watchers receive `status`; after `timerMs` the event `timer` comes. */
export type ConnectionState =
  /** `open` has not been called. */
  | (Attempts & { readonly at: 'idle'; readonly status: Told<'connecting'> })
  /** A channel is opening, or is open and has not received a welcome. */
  | (Attempts & { readonly at: 'dialling'; readonly status: Told<'connecting'>; readonly timerMs: number })
  /** Welcomed. Each received message restarts the timer. */
  | (Attempts & { readonly at: 'live'; readonly status: Told<'live'>; readonly timerMs: number })
  /** The channel is given up and counts as broken. */
  | (Attempts & { readonly at: 'stale'; readonly status: Told<'stale'> })
  /** Waiting for the next attempt. */
  | (Attempts & { readonly at: 'waiting'; readonly status: Told<'connecting'>; readonly timerMs: number })
  /** Closed for good. `why` is the error of every later call. */
  | { readonly at: 'closed'; readonly status: Told<'closed'>; readonly why: BusError };

/** What can happen to a connection. */
export type ConnectionEvent =
  /** The user called `open`. */
  | { readonly is: 'opened' }
  | { readonly is: 'welcomed'; readonly clockSkewMs: number; readonly heartbeatMs: number }
  /** The server's heartbeat or pong brought new values for the status. */
  | { readonly is: 'received'; readonly says: Partial<Pick<Told<'live'>, 'roundTripMs' | 'clockSkewMs' | 'health'>> }
  /** `timerMs` of the state are over. */
  | { readonly is: 'timer'; readonly now: number }
  /** Events are missing in the stream from the server. */
  | { readonly is: 'gap'; readonly now: number; readonly cause: string }
  /** The channel has ended, or was given up. `error`: why no channel could be opened, if that is known. `random` in [0, 1). */
  | {
      readonly is: 'broken';
      readonly code: number;
      readonly reason: string;
      readonly error?: BusError | undefined;
      readonly random: number;
    }
  /** The user closed the client, or the server broke the protocol. */
  | { readonly is: 'ended'; readonly error: BusError | undefined; readonly why: BusError };

/** The user's options for reconnecting. */
export interface ConnectionRules {
  readonly backoff: BackoffOptions;
  /** After this number of failed attempts in a row the connection closes. */
  readonly maxAttempts: number;
  /** Whether a failed first attempt is repeated too. */
  readonly waitOnFirstConnect: boolean;
}

/** The longest time from the start of an attempt to the server's welcome. */
const WELCOME_MS = 20_000;
/** After this many heartbeat intervals without a message the connection counts as dead. */
const HEARTBEATS_MISSED = 2.5;
/** The least wait after a close code that asks the client to reconnect later. */
const LATER_MS = 5_000;

export const IDLE: ConnectionState = {
  at: 'idle',
  status: { state: 'connecting', attempt: 1, delayMs: 0 },
  attempts: 0,
  isFirst: true,
};

/**
 * Returns the state after an event; this table is the whole life of a connection. An event of an earlier channel or timer comes too late
 * and changes nothing. No event changes the state `closed`.
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
    case 'received':
      return state.at === 'live' ? { ...state, status: { ...state.status, ...event.says } } : state;
    case 'timer':
      if (state.at === 'waiting') return dialling(state);
      if (state.at !== 'dialling' && state.at !== 'live') return state;
      return stale(
        state,
        event.now,
        `${state.at === 'live' ? 'no message for' : 'no welcome within'} ${String(state.timerMs)} ms`,
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
  // While a server restarts there is no endpoint file, or one whose server does not run. So these errors are retried.
  const isBetween = error?.code === 'no-endpoint' || error?.code === 'untrusted-endpoint';
  const isHopeless = advice === 'no' || (error !== undefined && !error.retryable && !isBetween);
  if (isHopeless || (isFirst && !waitOnFirstConnect) || attempts >= maxAttempts) return closed(why, why);
  const attempt = attempts + 1;
  const laterMs = suggestedDelayMs(reason) + (advice === 'later' ? LATER_MS : 0);
  const delayMs = laterMs + backoffMs(attempt, random, backoff);
  const cause = causeIn(reason) || why.message;
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
