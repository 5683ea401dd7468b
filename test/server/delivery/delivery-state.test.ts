import t from 'tap';
import { revision } from '../../../protocol/index.js';
import {
  nextState,
  type DeliveryEvent,
  type DeliveryEventName,
  type DeliveryState,
  type DeliveryStateName,
} from '../../../server/delivery/delivery-state.js';
import { tableIn } from '../../support/markdown-table.js';

const snapshot = (next: number): DeliveryState => ({
  at: 'snapshot',
  versions: [{}, {}] as never,
  next,
  cut: revision(5),
  joinAt: 3,
});
const replay = (after: number): DeliveryState => ({
  at: 'replay',
  after: revision(after),
  until: revision(5),
  joinAt: 3,
});

/** Each state, with nothing left to send. */
const STATES: Readonly<Record<DeliveryStateName, DeliveryState>> = {
  snapshot: snapshot(2),
  replay: replay(5),
  lagging: { at: 'lagging', after: revision(5), index: 3 },
  live: { at: 'live' },
  ended: { at: 'ended', reason: 'unsubscribed', from: { at: 'live' } },
};

const EVENTS: Readonly<Record<DeliveryEventName, DeliveryEvent>> = {
  'snapshot-sent': { is: 'snapshot-sent', next: 2 },
  'history-sent': { is: 'history-sent', after: revision(5), events: 2 },
  synced: { is: 'synced' },
  'caught-up': { is: 'caught-up' },
  'fell-behind': { is: 'fell-behind', after: revision(7), index: 9 },
  restarted: { is: 'restarted', by: replay(0) as never },
  ended: { is: 'ended', reason: 'max_events' },
};

/** The name of the next state; `-` where the event cannot happen. */
function following(state: DeliveryStateName, event: DeliveryEventName): string {
  try {
    return nextState(STATES[state], EVENTS[event]).at;
  } catch (error) {
    return (error as Error).message === `a subscription cannot be ${event} in the state ${state}` ? '-' : String(error);
  }
}

t.test('the states of a subscription follow the table in ARCHITECTURE.md', async (t) => {
  const [head, ...rows] = tableIn('ARCHITECTURE.md', 'event');
  const states = head!.slice(1) as DeliveryStateName[];
  t.same(new Set(states), new Set(Object.keys(STATES)), 'with each state');
  t.same(
    rows.map(([event]) => event),
    Object.keys(EVENTS),
    'and each event',
  );
  for (const [event, ...cells] of rows) {
    t.same(
      states.map((state) => following(state, event as DeliveryEventName)),
      cells.map((cell) => (cell === 'restarted by' ? 'replay' : cell)),
      event!,
    );
  }
});

t.test('a subscription is synced only when all of its snapshot or replay has been sent', async (t) => {
  const synced = { is: 'synced' } as const;
  t.throws(() => nextState(snapshot(1), synced), /cannot be synced in the state snapshot/);
  t.throws(() => nextState(replay(4), synced), /cannot be synced in the state replay/);
  t.same(nextState(snapshot(2), synced), { at: 'lagging', after: 5, index: 3 }, 'and counts from the index of its cut');
  t.same(nextState(replay(5), synced), { at: 'lagging', after: 5, index: 3 });
});

t.test('missed events move the index of a subscription, events of a replay do not', async (t) => {
  const sent = { is: 'history-sent', after: revision(9), events: 4 } as const;
  t.same(nextState({ at: 'lagging', after: revision(5), index: 3 }, sent), { at: 'lagging', after: 9, index: 7 });
  t.match(nextState(replay(2), sent), { at: 'replay', after: 9, joinAt: 3 });
});

t.test('an ended subscription keeps the state in which it ended, and nothing changes it', async (t) => {
  const ended = nextState(snapshot(1), { is: 'ended', reason: 'max_events' });
  t.match(ended, { at: 'ended', reason: 'max_events', from: { at: 'snapshot', next: 1 } });
  for (const event of Object.values(EVENTS)) t.equal(nextState(ended, event), ended, event.is);
});
