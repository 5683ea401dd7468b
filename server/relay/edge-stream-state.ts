import { growingPause } from './growing-pause.js';

/** What a follower of a stream remembers of its attempts. */
interface Attempts {
  /** Failures in a row, without a while of following. The waits become longer with it. */
  readonly failures: number;
}

/** The state of an edge's way through a stream. After `timerMs` the event `timer` comes. */
export type EdgeStreamState =
  /** Not started. */
  | (Attempts & { readonly at: 'idle' })
  /** Whether the stream goes on after the last message that was read is being found out, and its feed opened. */
  | (Attempts & { readonly at: 'opening' })
  /** The records are being built from the stream's base. */
  | (Attempts & { readonly at: 'building' })
  /** Each message is passed on. */
  | (Attempts & { readonly at: 'following'; readonly timerMs: number })
  /** An attempt has failed, or NATS is lost. */
  | (Attempts & { readonly at: 'waiting'; readonly timerMs: number })
  | (Attempts & { readonly at: 'stopped' });

/** What can happen to it. `random` in [0, 1). */
export type EdgeStreamEvent =
  | { readonly is: 'started' }
  | { readonly is: 'timer' }
  /** The connection to NATS is back. */
  | { readonly is: 'connected' }
  /** The connection to NATS has broken. */
  | { readonly is: 'disconnected'; readonly random: number }
  /** The feed after the last message is open. */
  | { readonly is: 'opened' }
  /** The stream does not hold the next message, or none has been read yet. */
  | { readonly is: 'discontinued' }
  /** The records are complete. */
  | { readonly is: 'built' }
  /** An attempt has failed. */
  | { readonly is: 'failed'; readonly random: number }
  /** The feed has ended, a message does not continue what was read, or the origin has more than arrives. */
  | { readonly is: 'broken'; readonly random: number }
  | { readonly is: 'stopped' };

/** The state as operators see it. */
export type ToldEdgeState = 'connecting' | Exclude<EdgeStreamState['at'], 'idle'>;
export const TOLD_EDGE_STATES: readonly ToldEdgeState[] = [
  'connecting',
  'opening',
  'building',
  'following',
  'waiting',
  'stopped',
];

/** @param at `undefined` before NATS has answered. */
export const toldEdgeState = (at: EdgeStreamState['at'] | undefined): ToldEdgeState =>
  at === undefined || at === 'idle' ? 'connecting' : at;

const WAITS_MS = { first: 50, longest: 1_000 };
/** Following for so long makes earlier failures good. */
const SETTLED_MS = 1_000;

export const IDLE: EdgeStreamState = { at: 'idle', failures: 0 };

/**
 * Returns the state after an event; this table is the whole way of an edge through its stream. From each state that is not `following` an
 * attempt or a timer leads on, and each attempt ends in an event. What comes of an earlier attempt changes nothing. No event changes the
 * state `stopped`.
 */
export function nextEdgeState(state: EdgeStreamState, event: EdgeStreamEvent): EdgeStreamState {
  if (state.at === 'stopped') return state;
  const { failures } = state;
  switch (event.is) {
    case 'started':
      return state.at === 'idle' ? { at: 'opening', failures } : state;
    case 'timer':
      if (state.at === 'waiting') return { at: 'opening', failures };
      return state.at === 'following' && failures > 0 ? { ...state, failures: 0 } : state;
    case 'connected':
      // The requests and the feed of the old connection went with it.
      return state.at === 'idle' ? state : { at: 'opening', failures };
    case 'opened':
      return state.at === 'opening' ? { at: 'following', failures, timerMs: SETTLED_MS } : state;
    case 'discontinued':
      return state.at === 'opening' ? { at: 'building', failures } : state;
    case 'built':
      return state.at === 'building' ? { at: 'following', failures, timerMs: SETTLED_MS } : state;
    case 'disconnected':
    case 'failed':
      if (state.at === 'idle' || state.at === 'waiting') return state;
      // What fails of an attempt is over when the stream is followed.
      return event.is === 'failed' && state.at === 'following' ? state : waiting(failures, event.random);
    case 'broken':
      if (state.at === 'idle' || state.at === 'waiting') return state;
      // The first time at once. A stream that breaks as often as it is opened is not opened in a loop.
      return state.at === 'following' && failures === 0
        ? { at: 'opening', failures: 1 }
        : waiting(failures, event.random);
    case 'stopped':
      return { at: 'stopped', failures };
  }
}

function waiting(before: number, random: number): EdgeStreamState {
  const failures = before + 1;
  return { at: 'waiting', failures, timerMs: growingPause(failures, random, WAITS_MS) };
}
