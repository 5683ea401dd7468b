import { SeededRandom } from '../machine/seeded-random.js';

/** Faults of the relay: of the broker, of the network paths to it, of edges, and of the publishing origin. */
export const RELAY_FAULT_KINDS = [
  'broker killed',
  'broker store set back',
  'broker store lost',
  'broker cut',
  'origin link cut',
  'edge link cut',
  'slow link',
  'lost receipts',
  'purge',
  'stream deleted',
  'message deleted',
  'foreign message',
  'repeated messages',
  'edge killed',
  'edge restarted',
  'edge stopped',
  'edge busy',
  'edge clock step',
  'edge network cut',
  'edge connections reset',
  'second origin',
  'broker refuses',
  'new message deleted',
  'forged message',
] as const;
export type RelayFaultKind = (typeof RELAY_FAULT_KINDS)[number];

export interface RelayFaultPlan {
  readonly kind: RelayFaultKind;
  readonly atMs: number;
  /** How long the fault lasts. */
  readonly forMs: number;
  /** A random number that selects the target. */
  readonly pick: number;
}

export interface EdgePlan {
  readonly name: string;
  /** The error of its host's wall clock, milliseconds. */
  readonly wallOffsetMs: number;
}

/** The server of a client: the origin, or an edge by its index in the plan. */
export type ClientPlace = 'origin' | number;

export interface RelayPlan {
  readonly edges: readonly EdgePlan[];
  readonly maxMessages: number;
  readonly aliveMs: number;
  readonly latencyMs: number;
  /** Whether origins sign what they publish, and edges believe nothing else. @default false */
  readonly isSigned?: boolean;
  /** The largest message that the broker takes. @default what NATS takes */
  readonly maxPayloadBytes?: number | undefined;
  /** The server of each client of the life, in their order. */
  readonly places: readonly ClientPlace[];
  readonly faults: readonly RelayFaultPlan[];
}

const EDGES = 2;
/** The least that a relay can do with. */
const SMALL_PAYLOAD_BYTES = 4_096;

/** Draws the relay of a life from a random stream of its own, so that the rest of the life is the same without a relay. */
export function relayPlanOf(seed: number, clients: number, activeMs: number): RelayPlan | undefined {
  const random = new SeededRandom(seed, 'relay plan');
  if (random.chance(0.25)) return undefined;
  const faults: RelayFaultPlan[] = [];
  for (const kind of RELAY_FAULT_KINDS.filter(() => random.chance(0.2))) {
    const times = 1 + random.below(3);
    for (let i = 0; i < times; i++) {
      const [least, most] = random.pick([
        [1, 60],
        [60, 5_000],
        [5_000, 20_000],
      ] as const);
      const forMs = Math.round(random.between(least, most));
      faults.push({ kind, atMs: Math.round(random.between(1_000, activeMs - forMs)), forMs, pick: random.fraction() });
    }
  }
  faults.sort((a, b) => a.atMs - b.atMs);
  return {
    edges: Array.from({ length: EDGES }, (_, i) => ({
      name: `edge-${String(i + 1)}`,
      wallOffsetMs: Math.round(random.pick([0, random.between(-2_000, 2_000), random.between(-3_600_000, 3_600_000)])),
    })),
    maxMessages: random.pick([1_000_000, 1_000_000, 4_000]),
    aliveMs: random.pick([1_000, 1_000, 250]),
    latencyMs: random.pick([0.2, 0.2, 20]),
    isSigned: new SeededRandom(seed, 'signed').chance(0.15),
    maxPayloadBytes: new SeededRandom(seed, 'payload').chance(0.1) ? SMALL_PAYLOAD_BYTES : undefined,
    places: Array.from({ length: clients }, () => random.pick<ClientPlace>(['origin', 0, 1])),
    faults,
  };
}
