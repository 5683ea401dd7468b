import { backoffMs } from '../client/sdk/backoff.js';
import type { Bench, BenchOptions } from './bench.js';
import { withChildren, type Child } from './child.js';
import { JetStreamServer } from './peers/jetstream.js';
import { formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import type { Sent } from './sent.js';
import { median, percentile } from './statistics.js';

/** The edges, the clients of each, and how long the load balancer still sends connections to the dead edge. */
export interface Storm {
  readonly edges: number;
  readonly clientsEach: number;
  readonly noticedMs: number;
  /** The CPU time of one connection at the edge that accepts it: handshake, subscription, answer. */
  readonly serviceMs: number;
  /** How long a client waits before it gives up an attempt. */
  readonly patienceMs: number;
}

export interface Aftermath {
  /** Milliseconds from the edge's death until each client is live again. */
  readonly backMs: readonly number[];
  /** The longest wait of an attempt in the queue of its edge. */
  readonly longestQueueMs: number;
  readonly attempts: number;
  /** How many attempts were given up while they waited. */
  readonly givenUp: number;
}

/**
 * Simulates the death of one edge. All of its clients reconnect, each with the client's own backoff, to an edge that is chosen at random.
 * Each edge accepts them one after the other. Pure: time is a number.
 */
export function simulate(storm: Storm, random: () => number): Aftermath {
  const { edges, clientsEach, noticedMs, serviceMs, patienceMs } = storm;
  const due = new Calendar();
  for (let client = 0; client < clientsEach; client++) due.add({ at: backoffMs(1, random()), attempt: 1 });
  const freeAt = new Array<number>(edges).fill(0);
  const backMs: number[] = [];
  let [attempts, givenUp, longestQueueMs] = [0, 0, 0];
  for (let next = due.take(); next; next = due.take()) {
    const { at, attempt } = next;
    attempts++;
    // Edge 0 is the dead one. Until the load balancer notices, it is chosen like any other, and refuses at once.
    const edge = at < noticedMs ? Math.floor(random() * edges) : 1 + Math.floor(random() * (edges - 1));
    const begin = Math.max(at, freeAt[edge]!);
    if (edge === 0) due.add({ at: at + backoffMs(attempt + 1, random()), attempt: attempt + 1 });
    else if (begin - at > patienceMs) {
      givenUp++;
      due.add({ at: at + patienceMs + backoffMs(attempt + 1, random()), attempt: attempt + 1 });
    } else {
      freeAt[edge] = begin + serviceMs;
      longestQueueMs = Math.max(longestQueueMs, begin - at);
      backMs.push(begin + serviceMs);
    }
  }
  return { backMs, longestQueueMs, attempts, givenUp };
}

interface Attempt {
  readonly at: number;
  readonly attempt: number;
}

/** The attempts in the order of their time, as a heap. */
class Calendar {
  readonly #heap: Attempt[] = [];

  add(attempt: Attempt): void {
    const heap = this.#heap;
    let i = heap.push(attempt) - 1;
    for (let up = (i - 1) >> 1; i > 0 && heap[up]!.at > attempt.at; up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = attempt;
  }

  take(): Attempt | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (child >= heap.length || heap[child]!.at >= last.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

// ── what a connection costs ─────────────────────────────────────────────────────────────────────────────────────────

const CONNECTIONS = 4_000;
const PACE = { perSecond: 20, seconds: 5 };

interface Cost {
  readonly serviceMs: number;
  readonly residentMiB: number;
  readonly bytesEach: number;
  /** CPU time of the edge per delivery. Events arrive one at a time, so each is a system call for each client. */
  readonly deliveryMicros: number;
}

/** Measures the CPU time of an edge for one connection, from its handshake to the end of its subscription's first answer. */
function measureCost(options: BenchOptions): Promise<Cost> {
  options.note('what a connection costs');
  return withRepository(20_000, ({ root }) =>
    withChildren(async (start) => {
      const nats = await JetStreamServer.start();
      try {
        const relay = { url: nats.url };
        await start('programs/bus', { root, relay, journal: true });
        const edge = await start<{ url: string; token: string }>('programs/edge', relay, { argv: ['--expose-gc'] });
        const plan = { source: { is: 'bus', ...edge.ready }, connections: CONNECTIONS };
        await start('clients/counting-client', plan);
        const before = await settledMemory(edge);
        const cpu = await edge.call<number>('cpu');
        await start('clients/counting-client', { ...plan, first: CONNECTIONS });
        const serviceMs = (((await edge.call<number>('cpu')) - cpu) / CONNECTIONS) * 1_000;
        const after = await settledMemory(edge);
        const idleCpu = await edge.call<number>('cpu');
        const writer = await start('clients/pace-writer', { root, directory: 'intents' });
        await writer.call<Sent>('write', PACE);
        const deliveries = 2 * CONNECTIONS * PACE.perSecond * PACE.seconds;
        return {
          serviceMs,
          deliveryMicros: (((await edge.call<number>('cpu')) - idleCpu) / deliveries) * 1e6,
          residentMiB: after / 2 ** 20,
          bytesEach: (after - before) / CONNECTIONS,
        };
      } finally {
        await nats.dispose();
      }
    }),
  );
}

/** Returns the memory after several collections: some garbage of the start is freed only by a later one. */
async function settledMemory(edge: Child): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await edge.call<number>('memory');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return edge.call<number>('memory');
}

const CASES: readonly (readonly [edges: number, clientsEach: number])[] = [
  [3, 10_000],
  [6, 16_000],
  [12, 16_000],
  [2, 10_000],
];
const NOTICED_MS = 2_000;
/** How long the SDK waits for a server's `welcome`. */
const PATIENCE_MS = 20_000;

/** Simulates the reconnections after the death of an edge, from the measured cost of a connection. */
export const storm: Bench = async (options) => {
  const costs: Cost[] = [];
  for (let round = 0; round < options.rounds; round++) costs.push(await measureCost(options));
  const serviceMs = median(costs.map((cost) => cost.serviceMs));
  const results = CASES.map(([edges, clientsEach]) => {
    const found = simulate(
      { edges, clientsEach, noticedMs: NOTICED_MS, serviceMs, patienceMs: PATIENCE_MS },
      seeded(8),
    );
    return { edges, clientsEach, found };
  });
  const rows = results.map(({ edges, clientsEach, found: { backMs, longestQueueMs, attempts, givenUp } }) => [
    `${String(edges)} × ${String(clientsEach)}`,
    String(Math.round((clientsEach * edges) / (edges - 1))),
    formatNumber(percentile(backMs, 0.5)),
    formatNumber(percentile(backMs, 0.99)),
    formatNumber(percentile(backMs, 1)),
    formatNumber(longestQueueMs),
    formatNumber(attempts / clientsEach),
    String(givenUp),
  ]);
  const columns = [
    'edges × clients',
    'each then',
    'back p50 ms',
    'p99',
    'all',
    'longest queue ms',
    'attempts each',
    'given up',
  ];
  const middle = (of: (cost: Cost) => number): string => formatNumber(median(costs.map(of)));
  const cost = [
    [
      formatNumber(serviceMs),
      formatNumber(1_000 / serviceMs),
      middle((one) => one.bytesEach),
      middle((one) => one.deliveryMicros),
      middle((one) => one.residentMiB),
    ],
  ];
  return {
    tables: [
      {
        title: 'A connection',
        columns: [
          'edge CPU ms',
          'so many a second and core',
          'bytes each',
          'CPU µs of a delivery, one event at a time',
          `MiB of an edge with ${String(2 * CONNECTIONS)}`,
        ],
        rows: cost,
        notes: [
          `Handshake and a subscription to what comes next, ${String(CONNECTIONS)} of them beside as many that stand already; 20,000 records.`,
        ],
      },
      {
        title: 'One edge dies (simulated)',
        columns,
        rows,
        notes: [
          "The clients' own backoff (full jitter), edges chosen at random, the dead one among them for 2 s; each edge takes connections one after the other.",
        ],
      },
    ],
    raw: {
      costs,
      cases: results.map(({ edges, clientsEach, found: { attempts, givenUp } }) => ({
        edges,
        clientsEach,
        attempts,
        givenUp,
      })),
    },
  };
};

/** Returns a generator of pseudo-random numbers that are the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
