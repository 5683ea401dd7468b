/** What a claim remembers. */
interface Attempts {
  /** How often the stream was read. */
  readonly attempts: number;
}

/** The state of one claim of a stream. After `timerMs` the event `timer` comes. */
export type ClaimState =
  /** The stream and its last claim are being read. */
  | (Attempts & { readonly at: 'reading' })
  /** Whoever publishes is asked to answer. */
  | (Attempts & { readonly at: 'asking' })
  /** Nobody has answered, and the last claim is so young that its origin may not answer yet. */
  | (Attempts & { readonly at: 'resting'; readonly timerMs: number })
  /** The revision that the stream has reached is being found. */
  | (Attempts & { readonly at: 'finding' })
  /** The claim is being appended, if nothing was written since the stream was read. */
  | (Attempts & { readonly at: 'appending' })
  | (Attempts & { readonly at: 'claimed' })
  /** Another origin has answered. */
  | (Attempts & { readonly at: 'taken' })
  /** The broker has not answered, or refuses; or others write without a pause. */
  | (Attempts & { readonly at: 'failed' });

/** What can happen to a claim. */
export type ClaimEvent =
  /** The last claim is this process's, or there is none. */
  | { readonly is: 'free' }
  /** The last claim is another process's. */
  | { readonly is: 'held' }
  | { readonly is: 'answered' }
  /** Nobody has answered who may still publish. */
  | { readonly is: 'silent' }
  /** Nobody has answered yet. */
  | { readonly is: 'young' }
  | { readonly is: 'timer' }
  | { readonly is: 'found' }
  | { readonly is: 'stored' }
  /** Another process has written since the stream was read. */
  | { readonly is: 'overtaken' }
  | { readonly is: 'failed' };

const MAX_ATTEMPTS = 20;
const REST_MS = 500;

export const BEGUN: ClaimState = { at: 'reading', attempts: 1 };

export const isOver = ({ at }: ClaimState): boolean => at === 'claimed' || at === 'taken' || at === 'failed';

/** Returns the state after an event. Each claim ends; a {@link PublisherState} says what follows. No event changes a claim that has ended. */
export function nextClaimState(state: ClaimState, event: ClaimEvent): ClaimState {
  if (isOver(state)) return state;
  const { at, attempts } = state;
  switch (event.is) {
    case 'free':
      return at === 'reading' ? { at: 'finding', attempts } : state;
    case 'held':
      return at === 'reading' ? { at: 'asking', attempts } : state;
    case 'answered':
      return at === 'asking' ? { at: 'taken', attempts } : state;
    case 'silent':
      return at === 'asking' ? { at: 'finding', attempts } : state;
    case 'young':
      return at === 'asking' ? { at: 'resting', attempts, timerMs: REST_MS } : state;
    case 'timer':
      return at === 'resting' ? { at: 'asking', attempts } : state;
    case 'found':
      return at === 'finding' ? { at: 'appending', attempts } : state;
    case 'stored':
      return at === 'appending' ? { at: 'claimed', attempts } : state;
    case 'overtaken':
      if (at !== 'appending') return state;
      return attempts === MAX_ATTEMPTS ? { at: 'failed', attempts } : { at: 'reading', attempts: attempts + 1 };
    case 'failed':
      return { at: 'failed', attempts };
  }
}
