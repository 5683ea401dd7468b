import t from 'tap';
import { BusError } from '../../../client/sdk/index.js';
import { busEvent, nextState, OPENING, type MirrorEvent, type MirrorState } from '../../../client/sdk/mirror-state.js';
import { followsTable } from '../../support/state-table.js';

type StateName = MirrorState['at'];
type EventName = MirrorEvent['is'];

const STATES: Readonly<Record<StateName, MirrorState>> = {
  opening: OPENING,
  live: { at: 'live', status: { state: 'live' } },
  lost: { at: 'lost', status: { state: 'unknown', since: 2, cause: 'silence' } },
  ended: { at: 'ended', status: { state: 'closed' } },
};

const EVENTS: Readonly<Record<EventName, MirrorEvent>> = {
  completed: { is: 'completed' },
  'bus-back': { is: 'bus-back' },
  'bus-lost': { is: 'bus-lost', since: 3, cause: 'no network' },
  ended: { is: 'ended', error: undefined },
};

t.test('the life of a mirror is the table of ARCHITECTURE.md', async (t) => {
  followsTable(t, 'of a mirror', STATES, EVENTS, nextState);
});

t.test('a mirror reports since when its bus is lost, with the first cause', async (t) => {
  const lost = nextState(STATES.live, EVENTS['bus-lost']);
  t.same(lost.status, { state: 'unknown', since: 3, cause: 'no network' });
  t.equal(nextState(lost, { is: 'bus-lost', since: 4, cause: 'another' }), lost);
});

t.test('a mirror keeps the error that ended it', async (t) => {
  const error = new BusError('unauthorized', 'refused', '');
  const ended = nextState(STATES.lost, { is: 'ended', error });
  t.same(ended.status, { state: 'closed', error });
  t.equal(nextState(ended, { is: 'ended', error: undefined }), ended);
});

t.test('for a mirror every status of the bus except live means lost', async (t) => {
  t.same(busEvent({ state: 'live', roundTripMs: 0, clockSkewMs: 0 }, 5), { is: 'bus-back' });
  t.same(busEvent({ state: 'stale', since: 4, cause: 'silence' }, 5), { is: 'bus-lost', since: 5, cause: 'silence' });
  t.same(busEvent({ state: 'connecting', attempt: 1, delayMs: 0 }, 5), {
    is: 'bus-lost',
    since: 5,
    cause: 'connecting',
  });
  t.same(busEvent({ state: 'closed' }, 5), { is: 'bus-lost', since: 5, cause: 'closed' });
});
