import type { Bench, BenchOptions } from './bench.js';
import { serverArgv } from './bench.js';
import { withChildren, type Child } from './child.js';
import type { Source } from './clients/feed.js';
import type { Latencies } from './clients/latency-client.js';
import { PEERS } from './peers/latency-peers.js';
import { digits, type Table } from './report.js';
import { withRepository } from './repository.js';
import { alternate, type Outcome, type Side } from './rounds.js';
import { median, pairedRatios, percentile, spread } from './statistics.js';

/** What goes on around the probe. */
export interface Surroundings {
  readonly records: number;
  /** Other subscribers, who are told everything as well. */
  readonly others: number;
  /** Files renamed in by another process, per second. */
  readonly background: number;
}

const ALONE: Surroundings = { records: 1, others: 0, background: 0 };

type Start = typeof Child.start;
/** Starts what watches, and says where a client hears of it. */
export type StartWatcher = (start: Start, root: string, options: BenchOptions) => Promise<Source>;

const OPERATIONS = ['rename', 'write', 'unlink'] as const;
type Operation = (typeof OPERATIONS)[number];
const SHARES = [0.5, 0.9, 0.99, 0.999];

/** Percentiles of one round, milliseconds, in the order of {@link SHARES}. */
type Round = Readonly<Record<Operation, readonly number[]>> & { readonly unheard: number };

export const bus: StartWatcher = async (start, root, options) => {
  const { ready } = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
  return { is: 'bus', ...ready };
};

const bareLoop: StartWatcher = async (start, root) => {
  const { ready } = await start<{ url: string }>('floors/bare-loop', { root });
  return { is: 'packed', ...ready };
};

interface Sampling {
  readonly samples: number;
  readonly pauseMs: number;
}

const OFTEN: Sampling = { samples: 500, pauseMs: 4 };

function side(
  name: string,
  watcher: StartWatcher,
  around: Surroundings,
  options: BenchOptions,
  sampling: Sampling = OFTEN,
): Side<Round> {
  const run = (): Promise<Round> =>
    withRepository(around.records, ({ root }) =>
      withChildren(async (start) => {
        const source = await watcher(start, root, options);
        const half = around.others / 2;
        if (half > 0) await start('clients/counting-client', { source, connections: Math.floor(half) });
        const client = await start('clients/latency-client', { root, source, ...sampling });
        if (half > 0) await start('clients/counting-client', { source, connections: Math.ceil(half) });
        if (around.background > 0) await start('clients/background-writer', { root, perSecond: around.background });
        const latencies = await client.call<Latencies>('measure');
        const shares = (operation: Operation) => SHARES.map((share) => percentile(latencies[operation], share));
        return {
          rename: shares('rename'),
          write: shares('write'),
          unlink: shares('unlink'),
          unheard: latencies.unheard,
        };
      }),
    );
  return { name, run };
}

interface Row {
  readonly name: string;
  readonly around: Partial<Surroundings>;
}

const ROWS: readonly Row[] = [
  { name: 'nothing else', around: {} },
  { name: '1,000 records', around: { records: 1_000 } },
  { name: '20,000 records', around: { records: 20_000 } },
  { name: '100,000 records', around: { records: 100_000 } },
  { name: '1 other subscriber', around: { others: 1 } },
  { name: '1,000 other subscribers', around: { others: 1_000 } },
  { name: '1,000 events/s beside', around: { background: 1_000 } },
];

/** From the operation on a file to the decoded event in another process. */
export const latency: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const tables: Table[] = [];
  const surroundings: string[][] = [];
  for (const { name, around } of ROWS.filter((row) => row.name.includes(options.only))) {
    const where = { ...ALONE, ...around };
    const sides = [side('bus', bus, where, options), side('bare loop', bareLoop, where, options)];
    const outcome = await alternate(sides, options.rounds, (text) => options.note(`${name}: ${text}`));
    raw[name] = Object.fromEntries(outcome);
    surroundings.push(...againstFloor(name, roundsOf(outcome, 'bus'), roundsOf(outcome, 'bare loop')));
  }
  if (surroundings.length > 0) tables.push({ ...FLOOR_TABLE, rows: surroundings });
  const peers = PEERS.filter((peer) => peer.name.includes(options.only));
  if (peers.length > 0) {
    const sides = peers.map(({ name, watcher, ...sampling }) => side(name, watcher, ALONE, options, sampling));
    const outcome = await alternate(sides, Math.min(options.rounds, 5), options.note);
    raw['peers'] = Object.fromEntries(outcome);
    tables.push({ ...PEER_TABLE, rows: [...outcome].map(([name, found]) => peerRow(name, found)) });
  }
  return { tables, raw };
};

function roundsOf(outcome: ReadonlyMap<string, Outcome<Round>>, name: string): readonly Round[] {
  const found = outcome.get(name);
  return found?.is === 'measured' ? found.rounds : [];
}

const FLOOR_TABLE = {
  title: 'Against the bare loop',
  columns: ['around it', 'operation', 'p50 ms', 'spread', 'p90', 'p99', 'p99.9', '× bare p50', '× bare p99', 'unheard'],
  notes: [
    'Medians of the rounds; spread: lowest and highest round; ×: median of the ratios of paired rounds.',
    'The bare loop: fs.watch, readFileSync, JSON.parse, msgpackr, publish of uWebSockets.js, in the same surroundings.',
    'p99.9 of one round is its slowest sample but one.',
  ],
};

function againstFloor(name: string, ours: readonly Round[], floor: readonly Round[]): string[][] {
  return OPERATIONS.map((operation) => {
    const at = (rounds: readonly Round[], share: number): number[] =>
      rounds.map((round) => round[operation][SHARES.indexOf(share)]!);
    const half = spread(at(ours, 0.5));
    return [
      name,
      operation,
      digits(half.median),
      `${digits(half.low)}–${digits(half.high)}`,
      ...[0.9, 0.99, 0.999].map((share) => digits(median(at(ours, share)))),
      digits(median(pairedRatios(at(ours, 0.5), at(floor, 0.5)))),
      digits(median(pairedRatios(at(ours, 0.99), at(floor, 0.99)))),
      String(ours.reduce((sum, round) => sum + round.unheard, 0)),
    ];
  });
}

const PEER_TABLE = {
  title: 'Against what people would use instead',
  columns: ['', 'rename p50 ms', 'p99', 'write p50', 'p99', 'unlink p50', 'p99', 'unheard'],
  notes: ['The repository holds one other record. Unheard: operations of which nothing came within 5 s.'],
};

function peerRow(name: string, outcome: Outcome<Round>): string[] {
  if (outcome.is === 'skipped') return [name, `skipped: ${outcome.why}`, '', '', '', '', '', ''];
  const at = (operation: Operation, share: number): string =>
    digits(median(outcome.rounds.map((round) => round[operation][SHARES.indexOf(share)]!)));
  return [
    name,
    ...OPERATIONS.flatMap((operation) => [at(operation, 0.5), at(operation, 0.99)]),
    String(outcome.rounds.reduce((sum, round) => sum + round.unheard, 0)),
  ];
}
