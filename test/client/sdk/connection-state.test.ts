import t from 'tap';
import { BusError } from '../../../client/sdk/index.js';
import {
  IDLE,
  nextState,
  type ConnectionEvent,
  type ConnectionRules,
  type ConnectionState,
} from '../../../client/sdk/connection-state.js';
import { CloseCode } from '../../../protocol/index.js';
import { followsTable } from '../../support/state-table.js';

type StateName = ConnectionState['at'];
type EventName = ConnectionEvent['is'];

const WHY = new BusError('closed', 'the client was closed', 'connect again');
const CONNECTING = { state: 'connecting', attempt: 3, delayMs: 9 } as const;

const AGAIN = { attempts: 2, isFirst: false } as const;

const STATES: Readonly<Record<StateName, ConnectionState>> = {
  idle: IDLE,
  dialling: { at: 'dialling', status: CONNECTING, timerMs: 20_000, attempts: 3, isFirst: false },
  live: {
    at: 'live',
    status: { state: 'live', roundTripMs: 1, clockSkewMs: 2 },
    timerMs: 2_500,
    attempts: 0,
    isFirst: false,
  },
  stale: { at: 'stale', status: { state: 'stale', since: 5, cause: 'silence' }, attempts: 3, isFirst: false },
  waiting: { at: 'waiting', status: CONNECTING, timerMs: 9, ...AGAIN },
  closed: { at: 'closed', status: { state: 'closed' }, why: WHY },
};

const BROKEN = { is: 'broken', code: 1006, reason: '', random: 0.5 } as const;

const EVENTS: Readonly<Record<EventName, ConnectionEvent>> = {
  opened: { is: 'opened' },
  welcomed: { is: 'welcomed', clockSkewMs: 7, heartbeatMs: 1_000 },
  received: { is: 'received', says: { clockSkewMs: 8 } },
  timer: { is: 'timer', now: 5 },
  gap: { is: 'gap', now: 5, cause: 'events 1 to 2 are missing' },
  broken: BROKEN,
  ended: { is: 'ended', error: undefined, why: WHY },
};

const RULES: ConnectionRules = { backoff: {}, maxAttempts: Infinity, waitOnFirstConnect: false };

t.test('the life of a connection is the table of ARCHITECTURE.md', async (t) => {
  followsTable(t, 'of a connection', STATES, EVENTS, (state, event) => nextState(state, event, RULES));
});

t.test('the state after a broken connection depends on the cause and on the number of failures in a row', async (t) => {
  const refused = new BusError('unauthorized', 'refused', '');
  const between = new BusError('no-endpoint', 'there is none', '');
  const first: ConnectionState = { ...STATES.dialling, isFirst: true } as ConnectionState;
  const cases: readonly [string, ConnectionState, Partial<typeof BROKEN>, Partial<ConnectionRules>, StateName][] = [
    ['a connection that was lost', STATES.live, {}, {}, 'waiting'],
    ['a token that is refused', STATES.live, { code: CloseCode.unauthorized } as never, {}, 'closed'],
    ['an error that will be there again', STATES.dialling, { error: refused } as never, {}, 'closed'],
    ['no server between two', STATES.dialling, { error: between } as never, {}, 'waiting'],
    ['the first attempt', first, {}, {}, 'closed'],
    ['the first attempt of one who waits', first, {}, { waitOnFirstConnect: true }, 'waiting'],
    ['the last attempt', STATES.dialling, {}, { maxAttempts: 3 }, 'closed'],
    ['the attempt before it', STATES.dialling, {}, { maxAttempts: 4 }, 'waiting'],
    ['the last attempt, given up by us', STATES.stale, {}, { maxAttempts: 3 }, 'closed'],
    ['one that was live, whatever came before', STATES.live, {}, { maxAttempts: 1 }, 'waiting'],
  ];
  for (const [what, state, how, rules, becomes] of cases)
    t.equal(nextState(state, { ...BROKEN, ...how }, { ...RULES, ...rules }).at, becomes, what);
});

t.test('the wait grows with each attempt, and begins again after a welcome', async (t) => {
  const backoff = { firstMs: 100, longestMs: 1_000 };
  const waits = (state: ConnectionState): unknown => nextState(state, BROKEN, { ...RULES, backoff }).status;
  t.match(waits(STATES.live), { attempt: 1, delayMs: 50 });
  t.match(waits(STATES.dialling), { attempt: 4, delayMs: 400 });
  t.match(waits(STATES.stale), { attempt: 4, delayMs: 400 });
  const later = { ...BROKEN, code: CloseCode.goingAway, reason: 'shutdown retry=700' };
  t.match(nextState(STATES.live, later, { ...RULES, backoff }), {
    status: { attempt: 1, cause: 'shutdown' },
    timerMs: 750,
  });
});

t.test('each state has the time after which it ends', async (t) => {
  const dialling = nextState(IDLE, EVENTS.opened, RULES);
  t.match(dialling, { at: 'dialling', isFirst: true, attempts: 1, timerMs: 20_000 });
  t.match(nextState(dialling, EVENTS.timer, RULES), { at: 'stale', status: { cause: 'no welcome within 20000 ms' } });
  const live = nextState(dialling, EVENTS.welcomed, RULES);
  t.match(live, { at: 'live', timerMs: 2_500 });
  t.match(nextState(live, EVENTS.timer, RULES), { at: 'stale', status: { cause: 'no message for 2500 ms' } });
});

t.test('new values of a heartbeat or pong are merged into the status', async (t) => {
  t.same(nextState(STATES.live, EVENTS.received, RULES).status, { state: 'live', roundTripMs: 1, clockSkewMs: 8 });
});
