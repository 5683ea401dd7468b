import { SeededRandom } from '../machine/seeded-random.js';
import { relayPlanOf, type RelayPlan } from './relay-plan.js';

/** How an agent puts a file into its directory. */
export const WRITING_STYLES = ['in place', 'rename', 'safe save', 'mkstemp'] as const;
export type WritingStyle = (typeof WRITING_STYLES)[number];

export interface AgentPlan {
  readonly name: string;
  readonly style: WritingStyle;
  /** The average time between two actions, milliseconds. */
  readonly paceMs: number;
  readonly leaseMs: number;
  /** Whether it writes times and addresses in whatever form, and what JSON has no place for. @default false */
  readonly isLoose?: boolean;
  /** Whether some of its records are longer than a small message. @default false */
  readonly isWordy?: boolean;
}

export const CLIENT_KINDS = ['mirror', 'asker', 'raw', 'narrow raw', 'waiter'] as const;
export type ClientKind = (typeof CLIENT_KINDS)[number];
/** In some worlds no client asks: a question makes the server compare all files, which hides missed changes. */
const LISTENERS: readonly ClientKind[] = ['mirror', 'raw', 'narrow raw'];

export interface ClientPlan {
  readonly name: string;
  readonly kind: ClientKind;
  readonly arrivesAtMs: number;
  /** Whether it asks about an address when an agent has just reserved or released it, as agents do before they edit. @default false */
  readonly asksAtChanges?: boolean;
  /** Whether it spells addresses in whatever way. @default false */
  readonly isLoose?: boolean;
}

/** The faults of the world and of its operators. Each of them happens to real servers. */
export const FAULT_KINDS = [
  'kill',
  'stop',
  'busy',
  'restart',
  'power cut',
  'clock step',
  'cut network',
  'reset connections',
  'stalled client',
  'no descriptors',
  'read errors',
  'stale handles',
  'closed directory',
  'moved away',
  'removed directory',
  'lost hints',
  'late hints',
  'dead writer',
  'planted link',
  'full disk',
  'slow disk',
  'slow machine',
  'burst',
  'large record',
  'client leaves',
  'unlistable directory',
  'linked directory',
  'upgrade',
  'unread files',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultPlan {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** How long the fault lasts. */
  readonly forMs: number;
  /** A random number that selects the target. */
  readonly pick: number;
}

/** Everything that is decided before a life begins. Any part can be removed without an effect on the others. */
export interface LifePlan {
  readonly seed: number;
  /** How long agents and faults act, milliseconds; after that the world comes to rest. */
  readonly activeMs: number;
  readonly restMs: number;
  readonly isJournalled: boolean;
  readonly options: {
    readonly settleMs: number;
    readonly heartbeatMs: number;
    readonly reconcileMs: number;
    readonly maxHistoryEvents: number;
    readonly maxQueuedBytes: number;
  };
  readonly network: { readonly latencyMs: number; readonly jitterMs: number; readonly kernelBytes: number };
  readonly hintDelayMs: number;
  readonly agents: readonly AgentPlan[];
  /** For how many addresses they contend: with few of them hardly one is ever free. @default 5 */
  readonly addresses?: number;
  readonly clients: readonly ClientPlan[];
  readonly faults: readonly FaultPlan[];
  /** `undefined` if the origin has no relay. */
  readonly relay: RelayPlan | undefined;
}

/** If hints arrive before the write returns, a process reads them before its next turn begins. */
const PROMPT_MS = 0.1;

/** How a world's servers are notified of changes: inotify is never late, FSEvents may be. */
export function mechanismOf({ hintDelayMs, faults }: LifePlan): 'inotify' | 'FSEvents' {
  const isPrompt = hintDelayMs < PROMPT_MS && !faults.some(({ kind }) => kind === 'late hints');
  return isPrompt ? 'inotify' : 'FSEvents';
}

const AGENTS = 20;
const ADDRESS_COUNTS = [5, 15, 60] as const;
/** Faults that come together come within twice this time. */
const NEAR_MS = 500;
const CLIENTS = 10;
/** A life is a minute: what is rare comes from many lives, and no fault lasts longer than five seconds. */
const LIFE_MS = 36_000;
const LEASES_MS = [1_500, 5_000, 20_000] as const;
export const HEARTBEATS_MS = [5_000, 1_000] as const;
export const HISTORY_EVENTS = [100_000, 300, 20] as const;
/** Longer than the longest lease, and the longest time until the next heartbeat says to all that it has ended. */
const REST_MS = Math.max(...LEASES_MS) + Math.max(...HEARTBEATS_MS) + 1_000;
/** After a step of the wall clock ahead, leases wait a minute before it is believed. */
const REST_AFTER_STEP_MS = REST_MS + 60_000;

/** Draws a life. Each life has only a few kinds of faults, so that rare ones coincide. */
export function planOf(seed: number): LifePlan {
  const random = new SeededRandom(seed, 'plan');
  const kinds = FAULT_KINDS.filter(() => random.chance(0.2));
  const faults: FaultPlan[] = [];
  for (const kind of kinds) {
    const times = 1 + random.below(3);
    for (let i = 0; i < times; i++) {
      faults.push({
        kind,
        atMs: Math.round(random.between(1_000, LIFE_MS - 8_000)),
        forMs: Math.round(random.chance(0.3) ? random.between(1, 60) : random.between(60, 5_000)),
        pick: random.fraction(),
      });
    }
  }
  const moments = badMoments(seed);
  const clientRandom = new SeededRandom(seed, 'clients');
  const clientKinds = clientRandom.chance(0.25) ? LISTENERS : CLIENT_KINDS;
  const mannerRandom = new SeededRandom(seed, 'manners');
  const looseness = mannerRandom.pick([0, 0, 0.3]);
  const wordRandom = new SeededRandom(seed, 'words');
  const relay = relayPlanOf(seed, CLIENTS, LIFE_MS);
  const wordiness = relay?.maxPayloadBytes === undefined ? 0 : 0.2;
  const isSteppedAhead = faults.some(({ kind }) => kind === 'clock step');
  return {
    seed,
    activeMs: LIFE_MS,
    restMs: isSteppedAhead ? REST_AFTER_STEP_MS : REST_MS,
    isJournalled: random.chance(0.8),
    options: {
      settleMs: random.pick([200, 200, 50]),
      heartbeatMs: random.pick(HEARTBEATS_MS),
      reconcileMs: random.pick([10_000, 10_000, 2_000]),
      maxHistoryEvents: random.pick(HISTORY_EVENTS),
      maxQueuedBytes: random.pick([262_144, 8_192, 1_024]),
    },
    network: {
      latencyMs: random.pick([0.05, 0.5, 20]),
      jitterMs: random.pick([0.05, 1, 30]),
      kernelBytes: random.pick([262_144, 4_096]),
    },
    // Few: there a server looks at each directory a hundred times a second.
    hintDelayMs: random.pick([0.03, 0.03, 0.03, 0.03, 0.03, 1]),
    agents: Array.from({ length: AGENTS }, (_, i) => ({
      name: `agent-${String(i + 1)}`,
      style: random.pick(WRITING_STYLES),
      paceMs: random.pick([1_000, 3_000, 6_000]),
      leaseMs: random.pick(LEASES_MS),
      isLoose: mannerRandom.chance(looseness),
      isWordy: wordRandom.chance(wordiness),
    })),
    addresses: clientRandom.pick(ADDRESS_COUNTS),
    clients: Array.from({ length: CLIENTS }, (_, i) => ({
      name: `client-${String(i + 1)}`,
      kind: clientKinds[i % clientKinds.length]!,
      arrivesAtMs: random.chance(0.7) ? 0 : Math.round(random.between(0, LIFE_MS / 2)),
      asksAtChanges: clientRandom.chance(0.5),
      isLoose: mannerRandom.chance(looseness),
    })),
    faults: together(faults, moments, seed, 'faults together'),
    relay: relay && { ...relay, faults: together(relay.faults, moments, seed, 'relay faults together') },
  };
}

/** In half of the lives much goes wrong at once, as when a machine or a network fails: what one fault leaves meets the next one. */
function badMoments(seed: number): readonly number[] {
  const random = new SeededRandom(seed, 'moments');
  if (random.chance(0.5)) return [];
  return [0, 1].map(() => random.between(1_000, LIFE_MS - 8_000));
}

/** Puts half of the faults at one of the moments, before it or after it. */
function together<Plan extends { readonly atMs: number; readonly forMs: number }>(
  faults: readonly Plan[],
  moments: readonly number[],
  seed: number,
  name: string,
): Plan[] {
  const random = new SeededRandom(seed, name);
  const placed = faults.map((fault) => {
    if (moments.length === 0 || random.chance(0.5)) return fault;
    const atMs = random.pick(moments) + random.between(-NEAR_MS, NEAR_MS);
    return { ...fault, atMs: Math.max(1, Math.round(Math.min(atMs, LIFE_MS - fault.forMs))) };
  });
  return placed.sort((a, b) => a.atMs - b.atMs);
}
