import type { Test } from 'tap';
import { tableIn } from './markdown-table.js';

/**
 * Compares a state machine with its table in ARCHITECTURE.md: the columns are all states, the rows all events, and each cell is the state
 * that follows; `-` where the event changes nothing.
 * @param first the title of the table's first column
 */
export function followsTable<State extends { readonly at: string }, Event>(
  t: Test,
  first: string,
  states: Readonly<Record<string, State>>,
  events: Readonly<Record<string, Event>>,
  nextState: (state: State, event: Event) => State,
): void {
  const [head, ...rows] = tableIn('ARCHITECTURE.md', first);
  const names = head!.slice(1);
  t.same(names, Object.keys(states), 'with each state');
  t.same(
    rows.map(([event]) => event),
    Object.keys(events),
    'and each event',
  );
  for (const [event, ...cells] of rows) {
    const following = names.map((name) => {
      const state = states[name]!;
      const next = nextState(state, events[event!]!);
      return next === state ? '-' : next.at;
    });
    t.same(following, cells, event!);
  }
}
