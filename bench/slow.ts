import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import type { Chart, Role } from './chart.js';
import { withChildren } from './child.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { Pace } from './clients/pace-writer.js';
import type { Arrival } from './clients/payload-reader.js';
import { count, formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import type { Sent } from './sent.js';
import { median, pairedRatios, percentile, spread } from './statistics.js';

const QUICK = 1_000;
const STOPPED = 100;
const SAMPLED = 20;
const PACE: Pace = { perSecond: 50, seconds: 2 };
/** Writes of tasks, which only the stopped clients subscribe to: more than the kernel buffers for a socket that is not read. */
const FLOOD = { files: 3_000, bytes: 4_096 };
/** The wait until the flood has been read and every stopped socket is full. */
const FLOOD_MS = 2_000;

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverBytes: number;
}

function side(name: string, stopped: number, options: BenchOptions): Side<Round> {
  const run = (): Promise<Round> =>
    withRepository(0, ({ root }) =>
      withChildren(async (start) => {
        const flood = await start('clients/burst-writer', { root, directory: 'tasks', ...FLOOD });
        const writer = await start('clients/pace-writer', { root, directory: 'intents' });
        const server = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
        const bus = { is: 'bus', ...server.ready } as const;
        if (stopped > 0) {
          const plan: CountingPlan = { source: bus, connections: stopped };
          await (await start('clients/counting-client', plan)).call('hang');
        }
        const source = { ...bus, filter: { kinds: ['intent'] } };
        const plan: CountingPlan = { source, connections: QUICK, sampled: SAMPLED };
        const quick = await start('clients/counting-client', plan);
        await flood.call<Sent>('burst');
        await new Promise((resolve) => setTimeout(resolve, FLOOD_MS));
        const counted = quick.call('await', PACE.perSecond * PACE.seconds);
        const { atMs } = await writer.call<Sent>('write', PACE);
        await counted;
        const arrivals = await quick.call<Arrival[]>('arrivals');
        const delays = arrivals.map(([seq, arrivedAtMs]) => arrivedAtMs - atMs[seq]!);
        return {
          p50Ms: percentile(delays, 0.5),
          p99Ms: percentile(delays, 0.99),
          serverBytes: await server.call<number>('memory'),
        };
      }),
    );
  return { name, run };
}

/** Measures whether clients that do not read delay those that do. */
export const slow: Bench = async (options) => {
  const beside = `${count(QUICK)} quick beside ${count(STOPPED)} stopped`;
  const alone = `${count(QUICK)} quick alone`;
  const outcome = await alternate(
    [side(beside, STOPPED, options), side(alone, 0, options)],
    options.rounds,
    options.note,
  );
  const p99 = (name: string): number[] => roundsOf(outcome, name).map((round) => round.p99Ms);
  const rows = [beside, alone].map((name) => {
    const { median: middle, low, high } = spread(p99(name));
    return [
      name,
      formatNumber(median(roundsOf(outcome, name).map((round) => round.p50Ms))),
      formatNumber(middle),
      `${formatNumber(low)}–${formatNumber(high)}`,
      name === beside ? formatNumber(median(pairedRatios(p99(beside), p99(alone)))) : '',
      formatNumber(median(roundsOf(outcome, name).map((round) => round.serverBytes)) / 2 ** 20),
    ];
  });
  const entries = [beside, alone].flatMap((name) => {
    const role: Role = name === beside ? 'ours' : 'baseline';
    const p50 = roundsOf(outcome, name).map((round) => round.p50Ms);
    return [
      { name: `${name}, p50`, role, value: spread(p50) },
      { name: `${name}, p99`, role, value: spread(p99(name)) },
    ];
  });
  const chart: Chart = {
    is: 'contest',
    title: 'Those who read, beside those who do not',
    axis: 'milliseconds',
    unit: 'ms',
    entries,
  };
  const columns = ['', 'p50 ms', 'p99 ms', 'spread', '× alone', 'server MiB'];
  const tables = [{ title: 'Slow clients', columns, rows, notes: NOTES }];
  return { tables, charts: [chart], raw: Object.fromEntries(outcome) };
};

const NOTES = [
  `${String(PACE.perSecond)} events/s for ${String(PACE.seconds)} s; from the rename to the decoding at one of ${String(SAMPLED)} of the quick clients. The stopped ones have before been sent ${String(FLOOD.files)} events of ${String(FLOOD.bytes)} B that they do not read.`,
];
