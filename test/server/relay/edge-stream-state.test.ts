import fc from 'fast-check';
import t from 'tap';
import {
  IDLE,
  nextEdgeState,
  type EdgeStreamEvent,
  type EdgeStreamState,
} from '../../../server/relay/edge-stream-state.js';
import { followsTable } from '../../support/state-table.js';

const EVENTS: Readonly<Record<EdgeStreamEvent['is'], EdgeStreamEvent>> = {
  started: { is: 'started' },
  timer: { is: 'timer' },
  connected: { is: 'connected' },
  opened: { is: 'opened' },
  discontinued: { is: 'discontinued' },
  built: { is: 'built' },
  failed: { is: 'failed', random: 0.5 },
  broken: { is: 'broken', random: 0.5 },
  disconnected: { is: 'disconnected', random: 0.5 },
  stopped: { is: 'stopped' },
};

const STATES: Readonly<Record<EdgeStreamState['at'], EdgeStreamState>> = {
  idle: { failures: 0, at: 'idle' },
  opening: { failures: 0, at: 'opening' },
  building: { failures: 0, at: 'building' },
  following: { failures: 0, at: 'following', timerMs: 1 },
  waiting: { failures: 1, at: 'waiting', timerMs: 1 },
  stopped: { failures: 0, at: 'stopped' },
};

t.test("the states of an edge's way through a stream are those of the table", async (t) => {
  followsTable(t, 'of an edge', STATES, EVENTS, nextEdgeState);
});

t.test('after any events an edge that is not stopped follows within one wait and one attempt', async () => {
  const event = fc
    .constantFrom(...(Object.keys(EVENTS) as EdgeStreamEvent['is'][]).filter((is) => is !== 'stopped'))
    .chain((is) =>
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((random) => ({ ...EVENTS[is], random })),
    );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let state = nextEdgeState(IDLE, EVENTS.started);
      for (const each of events) {
        state = nextEdgeState(state, each);
        if ('timerMs' in state && !(state.timerMs > 0 && state.timerMs <= 1_000)) return false;
      }
      const attempt = nextEdgeState(state, EVENTS.timer);
      const rebuilt = nextEdgeState(nextEdgeState(attempt, EVENTS.discontinued), EVENTS.built);
      return (
        rebuilt.at === 'following' &&
        (attempt.at === 'building' || nextEdgeState(attempt, EVENTS.opened).at === 'following')
      );
    }),
  );
});

t.test('a stream that breaks as often as it is opened is opened with growing pauses', async (t) => {
  let state = STATES.following;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    state = nextEdgeState(state, { is: 'broken', random: 0 });
    pauses.push('timerMs' in state ? state.timerMs : 0);
    if (state.at === 'waiting') state = nextEdgeState(state, EVENTS.timer);
    state = nextEdgeState(state, EVENTS.opened);
  }
  t.strictSame(pauses, [0, 50, 100, 200, 400, 500, 500, 500]);
  state = nextEdgeState(state, EVENTS.timer);
  t.equal(nextEdgeState(state, EVENTS.broken).at, 'opening', 'one that was followed for a while is opened at once');
});
