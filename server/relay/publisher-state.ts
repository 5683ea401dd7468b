import { growingPause } from './growing-pause.js';

/** What a publisher remembers of its attempts. */
interface Attempts {
  /** Failures in a row, without a moment at which the stream had everything. The waits become longer with it. */
  readonly failures: number;
  /** Whether this process has ever held the stream. One that has not is refused by another origin, instead of waiting for its end. */
  readonly hasPublished: boolean;
}

/** The states in which nothing is published and a timer runs. */
type Waiting = 'away' | 'refused' | 'taken';

/** Failed claims and messages, by the state that they led to. */
export type PublisherFailures = Readonly<Record<Waiting, number>>;
export const NO_FAILURES: PublisherFailures = { away: 0, refused: 0, taken: 0 };

/** The state of a publisher. After `timerMs` the event `timer` comes. */
export type PublisherState =
  /** Not started. */
  | (Attempts & { readonly at: 'idle' })
  /** The stream is being claimed. `from`: why it was not published before. */
  | (Attempts & { readonly at: 'claiming'; readonly from: 'idle' | Waiting })
  /** The stream is claimed, and events are sent. `from`: why it was not published before. */
  | (Attempts & { readonly at: 'publishing'; readonly from: 'idle' | Waiting })
  /** NATS does not answer, or another process has written to the stream. */
  | (Attempts & { readonly at: 'away'; readonly timerMs: number })
  /** NATS answers, and does not accept the claim or a message. */
  | (Attempts & { readonly at: 'refused'; readonly timerMs: number })
  /** Another origin publishes. */
  | (Attempts & { readonly at: 'taken'; readonly timerMs: number })
  | (Attempts & { readonly at: 'stopped' });

/** What can happen to a publisher. `random` in [0, 1). */
export type PublisherEvent =
  | { readonly is: 'started' }
  /** `timerMs` of the state are over. */
  | { readonly is: 'timer' }
  /** The connection to NATS is back. */
  | { readonly is: 'connected' }
  | { readonly is: 'claimed' }
  /** The stream has everything that there is to publish. */
  | { readonly is: 'settled' }
  /** NATS did not answer, or another process has written to the stream: what was published is not certain. */
  | { readonly is: 'failed'; readonly random: number }
  /** NATS has answered with a refusal. */
  | { readonly is: 'refused'; readonly random: number }
  /** Another origin has answered that it publishes. */
  | { readonly is: 'taken'; readonly random: number }
  | { readonly is: 'stopped' };

const WAITS_MS = { first: 250, longest: 15_000 };
const TAKEN_WAIT_MS = 5_000;

export const IDLE: PublisherState = { at: 'idle', failures: 0, hasPublished: false };

/**
 * Returns the state after an event; this table is the whole life of a publisher. From each state that is not `publishing` a timer leads to
 * a new claim. An event of an earlier claim or timer comes too late and changes nothing. No event changes the state `stopped`.
 */
export function nextState(state: PublisherState, event: PublisherEvent): PublisherState {
  if (state.at === 'stopped') return state;
  switch (event.is) {
    case 'started':
      return state.at === 'idle' ? claiming(state) : state;
    case 'timer':
      return isWaiting(state) ? claiming(state) : state;
    case 'connected':
      // The requests of a claim that was under way went with the old connection, so it begins again.
      if (state.at === 'claiming') return { ...state };
      return isWaiting(state) ? claiming(state) : state;
    case 'claimed':
      return state.at === 'claiming' ? { ...state, at: 'publishing', hasPublished: true } : state;
    case 'settled':
      return state.at === 'publishing' && state.failures > 0 ? { ...state, failures: 0 } : state;
    case 'failed':
    case 'refused':
      if (state.at !== 'claiming' && state.at !== 'publishing') return state;
      return waiting(state, event.is === 'failed' ? 'away' : 'refused', event.random);
    case 'taken':
      if (state.at !== 'claiming') return state;
      return state.hasPublished ? { ...attemptsOf(state), at: 'taken', timerMs: taken(event.random) } : stopped(state);
    case 'stopped':
      return stopped(state);
  }
}

/** The state as operators see it. A claim is no news, and publishing is none before the stream has had everything once. */
export type ToldState = Waiting | 'publishing' | 'stopped';
export const TOLD_STATES: readonly ToldState[] = ['publishing', 'away', 'refused', 'taken', 'stopped'];

export function toldState(state: PublisherState): ToldState {
  switch (state.at) {
    case 'idle':
      return 'away';
    case 'claiming':
      return state.from === 'idle' ? 'away' : state.from;
    case 'publishing':
      return state.failures === 0 || state.from === 'idle' ? 'publishing' : state.from;
    case 'away':
    case 'refused':
    case 'taken':
    case 'stopped':
      return state.at;
  }
}

export const isWaiting = (state: PublisherState): state is Extract<PublisherState, { readonly at: Waiting }> =>
  state.at === 'away' || state.at === 'refused' || state.at === 'taken';

const attemptsOf = ({ failures, hasPublished }: Attempts): Attempts => ({ failures, hasPublished });

const claiming = (state: Extract<PublisherState, { readonly at: 'idle' | Waiting }>): PublisherState => ({
  ...attemptsOf(state),
  at: 'claiming',
  from: state.at,
});

function waiting(state: Attempts, at: 'away' | 'refused', random: number): PublisherState {
  const failures = state.failures + 1;
  return { at, failures, hasPublished: state.hasPublished, timerMs: growingPause(failures, random, WAITS_MS) };
}

const taken = (random: number): number => Math.round(TAKEN_WAIT_MS * (0.75 + random / 2));

const stopped = (state: Attempts): PublisherState => ({ ...attemptsOf(state), at: 'stopped' });
