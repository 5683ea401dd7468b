import type { Patch } from '../planted/planting.js';

/** A state machine of the product: its states, the events in each, and the next states. */
export interface StateTable {
  readonly name: string;
  /** The transitions, each as `state event next`. */
  readonly transitions: readonly string[];
}

/** Called at each transition, by a bundle that was patched to call it. */
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
  {
    name: 'connection',
    transitions: [
      'idle opened dialling',
      'idle ended closed',
      'dialling welcomed live',
      'dialling timer stale',
      'dialling broken waiting',
      'dialling broken closed',
      'dialling ended closed',
      'live received live',
      'live timer stale',
      'live gap stale',
      'live broken waiting',
      'live broken closed',
      'live ended closed',
      'stale broken waiting',
      'stale broken closed',
      'stale ended closed',
      'waiting timer dialling',
      'waiting ended closed',
    ],
  },
  {
    name: 'mirror',
    transitions: [
      'opening completed live',
      'opening ended ended',
      'live bus-lost lost',
      'live ended ended',
      'lost bus-back live',
      'lost ended ended',
    ],
  },
  {
    name: 'publisher',
    transitions: [
      'idle started claiming',
      'idle stopped stopped',
      'claiming connected claiming',
      'claiming claimed publishing',
      'claiming failed away',
      'claiming refused refused',
      'claiming taken taken',
      'claiming taken stopped',
      'claiming stopped stopped',
      'publishing settled publishing',
      'publishing failed away',
      'publishing refused refused',
      'publishing stopped stopped',
      'away timer claiming',
      'away connected claiming',
      'away stopped stopped',
      'refused timer claiming',
      'refused connected claiming',
      'refused stopped stopped',
      'taken timer claiming',
      'taken connected claiming',
      'taken stopped stopped',
    ],
  },
  {
    name: 'edge',
    transitions: [
      'idle started opening',
      'idle stopped stopped',
      'opening connected opening',
      'opening opened following',
      'opening discontinued building',
      'opening disconnected waiting',
      'opening failed waiting',
      'opening broken waiting',
      'opening stopped stopped',
      'building connected opening',
      'building built following',
      'building disconnected waiting',
      'building failed waiting',
      'building broken waiting',
      'building stopped stopped',
      'following timer following',
      'following connected opening',
      'following disconnected waiting',
      'following broken opening',
      'following broken waiting',
      'following stopped stopped',
      'waiting timer opening',
      'waiting connected opening',
      'waiting stopped stopped',
    ],
  },
  {
    name: 'claim',
    transitions: [
      'reading free finding',
      'reading held asking',
      'reading failed failed',
      'asking answered taken',
      'asking silent finding',
      'asking young resting',
      'asking failed failed',
      'resting timer asking',
      'finding found appending',
      'finding failed failed',
      'appending stored claimed',
      'appending overtaken reading',
      'appending overtaken failed',
      'appending failed failed',
    ],
  },
  { name: 'lease', transitions: leaseTransitions() },
];

/** A lease in the book of a server: what a record makes of it, its end, and its removal. */
function leaseTransitions(): string[] {
  const states = ['running', 'ended', 'released', 'unreadable', 'none'];
  const byRecord = ['absent', ...states].flatMap((from) => states.map((to) => `${from} record ${to}`));
  return [
    // Only its deadline ends a lease, and a lease without an end has none.
    ...byRecord.filter((each) => each !== 'running record ended'),
    'running lapsed ended',
    ...states.map((from) => `${from} removed absent`),
  ];
}

/** Patches the function that is a state table to report each transition. */
function watched(table: string, file: string, given: string, gives: string, name = 'nextState'): Patch {
  const names = given.replace(/: \w+/g, '');
  return {
    file,
    find: `export function ${name}(${given}): ${gives} {\n`,
    replace: `export function ${name}(${given}): ${gives} {
  const next = transition(${names});
  globalThis.transitionSeen?.('${table}', \`\${state.at} \${event.is} \${next.at}\`);
  return next;
}

function transition(${given}): ${gives} {
`,
  };
}

const BOOK = 'protocol/records/lease-book.ts';
const LEASE_AT = `const leaseAt = (lease: BookedLease | undefined): string =>
  lease === undefined ? 'absent' : lease.term.basis !== 'timed' ? lease.term.basis : lease.isRunning ? 'running' : 'ended';
`;
const seenAt = (id: string, event: string, next: string): string =>
  `globalThis.transitionSeen?.('lease', \`\${leaseAt(this.#leases.get(${id}))} ${event} ${next}\`);\n`;

/** A lease is a record of the book, without events of its own: the three places that change it report it. */
const LEASE: readonly Patch[] = [
  { file: BOOK, find: 'interface Deadline {', replace: `${LEASE_AT}\ninterface Deadline {` },
  {
    file: BOOK,
    find: '    this.#leases.set(id, lease);\n',
    replace: `${seenAt('id', 'record', '${leaseAt(lease)}')}this.#leases.set(id, lease);`,
  },
  {
    file: BOOK,
    find: '    if (lease?.isRunning) this.#leases.set(',
    replace: `${seenAt('reservation', 'lapsed', '${leaseAt(lease && { ...lease, isRunning: false })}')}if (lease?.isRunning) this.#leases.set(`,
  },
  {
    file: BOOK,
    find: '      this.#leases.delete(id);\n',
    replace: `if (this.#leases.has(id)) ${seenAt('id', 'removed', 'absent')}this.#leases.delete(id);`,
  },
];

/** The patches that make the product report each transition. */
export const WATCHED: readonly Patch[] = [
  watched(
    'subscription',
    'server/delivery/delivery-state.ts',
    'state: DeliveryState, event: DeliveryEvent',
    'DeliveryState',
  ),
  watched(
    'connection',
    'client/sdk/connection-state.ts',
    'state: ConnectionState, event: ConnectionEvent, rules: ConnectionRules',
    'ConnectionState',
  ),
  watched('mirror', 'client/sdk/mirror-state.ts', 'state: MirrorState, event: MirrorEvent', 'MirrorState'),
  watched(
    'publisher',
    'server/relay/publisher-state.ts',
    'state: PublisherState, event: PublisherEvent',
    'PublisherState',
  ),
  watched(
    'edge',
    'server/relay/edge-stream-state.ts',
    'state: EdgeStreamState, event: EdgeStreamEvent',
    'EdgeStreamState',
    'nextEdgeState',
  ),
  watched(
    'claim',
    'server/relay/claim-state.ts',
    'state: ClaimState, event: ClaimEvent',
    'ClaimState',
    'nextClaimState',
  ),
  ...LEASE,
];
