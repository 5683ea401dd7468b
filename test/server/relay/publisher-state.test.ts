import fc from 'fast-check';
import t from 'tap';
import {
  IDLE,
  nextState,
  toldState,
  type PublisherEvent,
  type PublisherState,
} from '../../../server/relay/publisher-state.js';
import { BEGUN, isOver, nextClaimState, type ClaimEvent, type ClaimState } from '../../../server/relay/claim-state.js';
import { followsTable } from '../../support/state-table.js';

const EVENTS: Readonly<Record<PublisherEvent['is'], PublisherEvent>> = {
  started: { is: 'started' },
  timer: { is: 'timer' },
  connected: { is: 'connected' },
  claimed: { is: 'claimed' },
  settled: { is: 'settled' },
  failed: { is: 'failed', random: 0.5 },
  refused: { is: 'refused', random: 0.5 },
  taken: { is: 'taken', random: 0.5 },
  stopped: { is: 'stopped' },
};

const attempts = { failures: 1, hasPublished: true };
const STATES: Readonly<Record<PublisherState['at'], PublisherState>> = {
  idle: { ...attempts, at: 'idle' },
  claiming: { ...attempts, at: 'claiming', from: 'away' },
  publishing: { ...attempts, at: 'publishing', from: 'away' },
  away: { ...attempts, at: 'away', timerMs: 1 },
  refused: { ...attempts, at: 'refused', timerMs: 1 },
  taken: { ...attempts, at: 'taken', timerMs: 1 },
  stopped: { ...attempts, at: 'stopped' },
};

t.test('the states of a publisher are those of the table', async (t) => {
  followsTable(t, 'of a publisher', STATES, EVENTS, nextState);
});

t.test('after any events a publisher that is not stopped publishes within one wait and one claim', async () => {
  const event = fc
    .constantFrom<PublisherEvent['is']>('timer', 'connected', 'claimed', 'settled', 'failed', 'refused', 'taken')
    .chain((is) =>
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((random) => ({ ...EVENTS[is], random })),
    );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let state = nextState(IDLE, EVENTS.started);
      for (const each of events) {
        state = nextState(state, each);
        if ('timerMs' in state && !(state.timerMs > 0 && state.timerMs <= 15_000)) return false;
        if (toldState(state) === 'publishing' && state.failures > 0 && state.hasPublished && state.at !== 'publishing')
          return false;
      }
      // One that has never published ends when another origin answers.
      if (state.at === 'stopped') return !state.hasPublished;
      return nextState(nextState(state, EVENTS.timer), EVENTS.claimed).at === 'publishing';
    }),
  );
});

t.test('the waits between claims that fail double up to a bound, and are never the same for all', async (t) => {
  const wait = (failures: number, random: number): number => {
    let state: PublisherState = { ...attempts, at: 'claiming', from: 'away', failures };
    state = nextState(state, { is: 'refused', random });
    return 'timerMs' in state ? state.timerMs : 0;
  };
  t.strictSame(
    [0, 1, 2, 3, 20].map((failures) => wait(failures, 0)),
    [125, 250, 500, 1_000, 7_500],
  );
  t.equal(wait(20, 0.999) > 14_000, true);
});

t.test('a new claim after a failure is told as publishing only when the stream has everything', async (t) => {
  const refused = nextState(STATES.publishing, EVENTS.refused);
  const claimed = nextState(nextState(refused, EVENTS.timer), EVENTS.claimed);
  t.equal(toldState(claimed), 'refused');
  t.equal(toldState(nextState(claimed, EVENTS.settled)), 'publishing');
});

const CLAIM_EVENTS: Readonly<Record<ClaimEvent['is'], ClaimEvent>> = {
  free: { is: 'free' },
  held: { is: 'held' },
  answered: { is: 'answered' },
  silent: { is: 'silent' },
  young: { is: 'young' },
  timer: { is: 'timer' },
  found: { is: 'found' },
  stored: { is: 'stored' },
  overtaken: { is: 'overtaken' },
  failed: { is: 'failed' },
};

const CLAIM_STATES: Readonly<Record<ClaimState['at'], ClaimState>> = {
  reading: { at: 'reading', attempts: 1 },
  asking: { at: 'asking', attempts: 1 },
  resting: { at: 'resting', attempts: 1, timerMs: 1 },
  finding: { at: 'finding', attempts: 1 },
  appending: { at: 'appending', attempts: 1 },
  claimed: { at: 'claimed', attempts: 1 },
  taken: { at: 'taken', attempts: 1 },
  failed: { at: 'failed', attempts: 1 },
};

t.test('the states of a claim are those of the table', async (t) => {
  followsTable(t, 'of a claim', CLAIM_STATES, CLAIM_EVENTS, nextClaimState);
});

t.test('a claim that others overtake again and again fails', async (t) => {
  let state: ClaimState = BEGUN;
  for (let writes = 0; !isOver(state); writes++) {
    for (const is of ['free', 'found', 'overtaken'] as const) state = nextClaimState(state, CLAIM_EVENTS[is]);
    t.ok(writes < 20);
  }
  t.match(state, { at: 'failed', attempts: 20 });
});
