import type { Patch } from '../planted/planting.js';

/** A life that is a table: its states, what can happen in each, and what it becomes. */
export interface StateTable {
  readonly name: string;
  /** `state event next`, one each. */
  readonly transitions: readonly string[];
}

/** Told of each change of a state, by a bundle that was patched to tell. */
export type Seen = (table: string, transition: string) => void;

declare global {
  var transitionSeen: Seen | undefined;
}

export const STATE_TABLES: readonly StateTable[] = [
  {
    name: 'subscription',
    transitions: [
      'snapshot snapshot-sent snapshot',
      'snapshot synced lagging',
      'snapshot ended ended',
      'replay history-sent replay',
      'replay synced lagging',
      'replay restarted snapshot',
      'replay restarted replay',
      'replay ended ended',
      'lagging history-sent lagging',
      'lagging caught-up live',
      'lagging restarted snapshot',
      'lagging restarted replay',
      'lagging ended ended',
      'live fell-behind lagging',
      'live ended ended',
    ],
  },
];

/** What makes the product tell of each change. */
export const WATCHED: readonly Patch[] = [
  {
    file: 'server/delivery/delivery-state.ts',
    find: 'export function nextState(state: DeliveryState, event: DeliveryEvent): DeliveryState {\n',
    replace: `export function nextState(state: DeliveryState, event: DeliveryEvent): DeliveryState {
  const next = transition(state, event);
  globalThis.transitionSeen?.('subscription', \`\${state.at} \${event.is} \${next.at}\`);
  return next;
}

function transition(state: DeliveryState, event: DeliveryEvent): DeliveryState {
`,
  },
];
