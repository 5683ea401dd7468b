import type { Bench, BenchOptions } from './bench.js';
import { serverArgv } from './bench.js';
import { withChildren, type How, type Start } from './child.js';
import type { Latencies, Sampling } from './clients/latency-client.js';
import { charts, growthTable, targets, type Outcomes } from './latency-growth.js';
import { PEERS } from './peers/latency-peers.js';
import { formatNumber } from './format-number.js';
import type { Table } from './report.js';
import { withRepository } from './repository.js';
import type { StartWatcher } from './watcher.js';
import { alternate, roundsOf, type Outcome, type Side } from './rounds.js';
import type { Part } from './cpu-affinity.js';
import { median, pairedRatios, percentile, spread, tailRatio } from './statistics.js';

/** The load around the probe. */
export interface Surroundings {
  readonly records: number;
  /** How many other subscribers receive every event. */
  readonly others: number;
  /** Files renamed in by another process, per second. */
  readonly background: number;
  /** Whether client and server have a core each, see {@link pinToOwnCore}. Not for peers: some of their processes are not started here. */
  readonly ownCores: boolean;
}

export const ALONE: Surroundings = { records: 1, others: 0, background: 0, ownCores: true };

const OPERATIONS = ['rename', 'write', 'unlink'] as const;
type Operation = (typeof OPERATIONS)[number];

export const bus: StartWatcher = async (start, root, options) => {
  const { ready } = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
  return { is: 'bus', ...ready };
};

export const bareLoop: StartWatcher = async (start, root) => {
  const { ready } = await start<{ url: string }>('baselines/bare-loop', { root });
  return { is: 'packed', ...ready };
};

/** Options of the measuring client: no V8 threads, which would take a core from the server, and garbage collection only while it rests. */
const QUIET: How = { argv: ['--single-threaded', '--expose-gc'] };

const OFTEN: Sampling = { samples: 120, pauseMs: 2, bursts: 15 };
/** With a thousand other subscribers each burst takes seconds, and a few bursts are enough to compile the code. */
const AMONG_MANY: Sampling = { ...OFTEN, samples: 60, bursts: 5 };
/**
 * For the rows that have a target. Of 120 samples the p99 is the second longest, which depends more on the machine than on the bus. V8 also
 * continues to compile for some seconds of single events, in threads that take a core from the server for 2 to 4 ms.
 */
export const WITH_CARE: Sampling = { ...OFTEN, samples: 360, warmUpMs: 2_500, bursts: 25 };

export function latencySide(
  name: string,
  watcher: StartWatcher,
  root: string,
  { others, background, ownCores }: Surroundings,
  options: BenchOptions,
  sampling: Sampling = OFTEN,
): Side<Latencies> {
  const run = (): Promise<Latencies> =>
    withChildren(async (start) => {
      const startAs =
        (part: Part): Start =>
        (program, config, how) =>
          start(program, config, ownCores ? { ...how, part } : how);
      const source = await watcher(startAs('server'), root, options);
      // The server sends to half of the others before the probe, and to half after it.
      const crowd = { source, connections: Math.ceil(others / 2) };
      if (others > 0) await start('clients/counting-client', crowd);
      const client = await startAs('client')('clients/latency-client', { root, source, ...sampling }, QUIET);
      if (others > 1) await start('clients/counting-client', crowd);
      if (background > 0) await start('clients/background-writer', { root, perSecond: background });
      return client.call<Latencies>('measure');
    });
  return { name, run };
}

interface Row {
  readonly name: string;
  readonly around: Partial<Surroundings>;
  /** @default {@link OFTEN} */
  readonly sampling?: Sampling;
}

const ROWS: readonly Row[] = [
  { name: 'nothing else', around: {}, sampling: WITH_CARE },
  { name: '1,000 records', around: { records: 1_000 } },
  { name: '20,000 records', around: { records: 20_000 } },
  { name: '100,000 records', around: { records: 100_000 }, sampling: WITH_CARE },
  { name: '1 other subscriber', around: { others: 1 } },
  { name: '1,000 other subscribers', around: { others: 1_000 }, sampling: AMONG_MANY },
  { name: '1,000 events/s beside', around: { background: 1_000 } },
];

/** Measures the time from the operation on a file to the decoded event in another process. */
export const latency: Bench = async (options) => {
  const raw: Record<string, Outcomes> = {};
  const rows: string[][] = [];
  for (const { name, around, sampling } of ROWS.filter((row) => row.name.includes(options.only))) {
    const where = { ...ALONE, ...around };
    const outcome = await withRepository(where.records, ({ root }) =>
      alternate(
        [
          latencySide('bus', bus, root, where, options, sampling),
          latencySide('bare loop', bareLoop, root, where, options, sampling),
        ],
        options.rounds,
        (text) => options.note(`${name}: ${text}`),
      ),
    );
    raw[name] = Object.fromEntries(outcome);
    rows.push(...againstBaseline(name, roundsOf(outcome, 'bus'), roundsOf(outcome, 'bare loop')));
  }
  const tables: Table[] = rows.length === 0 ? [] : [{ ...BASELINE_TABLE, rows }];
  const peers = PEERS.filter((peer) => peer.name.includes(options.only));
  if (peers.length > 0) {
    const outcome = await withRepository(ALONE.records, ({ root }) => {
      const sides = peers.map(({ name, watcher, ...sampling }) =>
        latencySide(name, watcher, root, { ...ALONE, ownCores: false }, options, sampling),
      );
      return alternate(sides, options.rounds, options.note);
    });
    raw['peers'] = Object.fromEntries(outcome);
    tables.push({ ...PEER_TABLE, rows: [...outcome].map(([name, found]) => peerRow(name, found)) });
  }
  if (options.only !== '') return { tables, raw };
  const [baselineTable, peerTable] = tables;
  return { tables: [baselineTable!, growthTable(raw), peerTable!], charts: charts(raw), targets: targets(raw), raw };
};

/** Returns a percentile of each round. */
const ofEach = (rounds: readonly Latencies[], operation: Operation, share: number): number[] =>
  rounds.map((round) => percentile(round[operation], share));

const unheard = (rounds: readonly Latencies[]): string => String(rounds.reduce((sum, round) => sum + round.unheard, 0));

const BASELINE_TABLE = {
  title: 'Against the bare loop',
  columns: ['around it', 'operation', 'p50 ms', 'spread', 'p90', 'p99', 'p99.9', '× bare p50', '× bare p99', 'unheard'],
  notes: [
    'Medians of the rounds; spread: lowest and highest round; × p50: median of the ratios of paired rounds.',
    'The bare loop: fs.watch, readFileSync, JSON.parse, msgpackr, publish of uWebSockets.js, in the same surroundings.',
    'p99.9 and × p99 are taken over all rounds together.',
    "The main thread of the server has a core to itself; the client, and the server's other threads, share the other.",
  ],
};

function againstBaseline(name: string, ours: readonly Latencies[], baseline: readonly Latencies[]): string[][] {
  return OPERATIONS.map((operation) => {
    const half = spread(ofEach(ours, operation, 0.5));
    const all = (rounds: readonly Latencies[]): (readonly number[])[] => rounds.map((round) => round[operation]);
    return [
      name,
      operation,
      formatNumber(half.median),
      `${formatNumber(half.low)}–${formatNumber(half.high)}`,
      formatNumber(median(ofEach(ours, operation, 0.9))),
      formatNumber(median(ofEach(ours, operation, 0.99))),
      formatNumber(percentile(all(ours).flat(), 0.999)),
      formatNumber(median(pairedRatios(ofEach(ours, operation, 0.5), ofEach(baseline, operation, 0.5)))),
      formatNumber(tailRatio(all(ours), all(baseline))),
      unheard(ours),
    ];
  });
}

const PEER_TABLE = {
  title: 'What people would use instead',
  columns: ['', 'rename p50 ms', 'p99', 'write p50', 'p99', 'unlink p50', 'p99', 'unheard'],
  notes: ['The repository holds one other record. Unheard: operations of which nothing came within 2.5 s.'],
};

function peerRow(name: string, outcome: Outcome<Latencies>): string[] {
  if (outcome.is === 'skipped') return [name, `skipped: ${outcome.why}`, '', '', '', '', '', ''];
  const at = (operation: Operation, share: number): string =>
    formatNumber(median(ofEach(outcome.rounds, operation, share)));
  return [
    name,
    ...OPERATIONS.flatMap((operation) => [at(operation, 0.5), at(operation, 0.99)]),
    unheard(outcome.rounds),
  ];
}
