import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren } from './child.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { Pace } from './clients/pace-writer.js';
import type { Arrival } from './clients/payload-reader.js';
import type { StormPlan, StormTime } from './clients/storming-client.js';
import { count, formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import type { Sent } from './sent.js';
import { median, percentile, spread } from './statistics.js';

/** Clients that come within a second, and those that were there before. */
export interface Newcomers {
  readonly records: number;
  readonly connections: number;
  /** Whether they continue after a cursor, from before {@link MISSED} events, or take a snapshot of all records. */
  readonly by: 'snapshot' | 'cursor';
}

export const NEWCOMERS: Newcomers = { records: 4_000, connections: 1_000, by: 'snapshot' };
export const RETURNING: Newcomers = { records: 20_000, connections: 5_000, by: 'cursor' };

const WITHIN_MS = 1_000;
const MISSED = 100;
const OTHERS = 100;
const SAMPLED = 20;
/** Events while they come, which the others wait for. */
const PACE: Pace = { perSecond: 50, seconds: 3 };

interface Round {
  /** From the first connection to the last that is synced. */
  readonly allMs: number;
  readonly eachP50Ms: number;
  readonly eachP99Ms: number;
  readonly othersP50Ms: number;
  readonly othersP99Ms: number;
  /** CPU time of the server meanwhile, the events to the others included. */
  readonly cpuSeconds: number;
}

export function newcomersSide(
  name: string,
  root: string,
  { connections, by }: Newcomers,
  options: BenchOptions,
): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const writer = await start('clients/pace-writer', { root, directory: 'intents' });
      // Its records exist before, so that their number stays the same.
      await writer.call<Sent>('write', { perSecond: 1_000, seconds: 1 });
      const server = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
      const source = { is: 'bus', ...server.ready } as const;
      const others = await start('clients/counting-client', {
        source,
        connections: OTHERS,
        sampled: SAMPLED,
      } satisfies CountingPlan);
      const plan: StormPlan = { ...server.ready, connections, withinMs: WITHIN_MS };
      const crowd = await start('clients/storming-client', plan);
      const since = await crowd.call<string>('position');
      const missed = others.call('await', MISSED);
      await writer.call<Sent>('write', { perSecond: MISSED, seconds: 1 });
      await missed;
      const before = (await others.call<Arrival[]>('arrivals')).length;
      const cpu = await server.call<number>('cpu');
      const told = others.call('await', MISSED + PACE.perSecond * PACE.seconds);
      const writing = writer.call<Sent>('write', PACE);
      const { eachMs, allMs, events } = await crowd.call<StormTime>('storm', by === 'cursor' ? since : null);
      const { atMs } = await writing;
      await told;
      const cpuSeconds = (await server.call<number>('cpu')) - cpu;
      if (events < connections * MISSED) throw new Error(`the newcomers were sent ${String(events)} events`);
      const arrivals = (await others.call<Arrival[]>('arrivals')).slice(before);
      const delays = arrivals.map(([seq, arrivedAtMs]) => arrivedAtMs - atMs[seq]!);
      return {
        allMs,
        eachP50Ms: percentile(eachMs, 0.5),
        eachP99Ms: percentile(eachMs, 0.99),
        othersP50Ms: percentile(delays, 0.5),
        othersP99Ms: percentile(delays, 0.99),
        cpuSeconds,
      };
    });
  return { name, run };
}

/** Measures a storm of newcomers: how soon they have everything, and how long the others wait meanwhile. */
export const newcomers: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  for (const storm of [NEWCOMERS, RETURNING]) {
    const what = storm.by === 'cursor' ? `continue after ${count(MISSED)} events` : 'take a snapshot';
    const name = `${count(storm.connections)} ${what}, ${count(storm.records)} records`;
    if (!name.includes(options.only)) continue;
    const outcome = await withRepository(storm.records, ({ root }) =>
      alternate([newcomersSide(name, root, storm, options)], options.rounds, options.note),
    );
    const rounds = roundsOf<Round>(outcome, name);
    const all = spread(rounds.map(({ allMs }) => allMs));
    const middle = (of: (round: Round) => number): string => formatNumber(median(rounds.map(of)));
    rows.push([
      name,
      formatNumber(all.median),
      `${formatNumber(all.low)}–${formatNumber(all.high)}`,
      middle((round) => round.eachP50Ms),
      middle((round) => round.eachP99Ms),
      middle((round) => round.othersP50Ms),
      middle((round) => round.othersP99Ms),
      middle((round) => round.cpuSeconds),
    ]);
    raw[name] = Object.fromEntries(outcome);
  }
  return { tables: [{ title: 'A storm of newcomers', columns: COLUMNS, rows, notes: NOTES }], raw };
};

const COLUMNS = ['', 'all synced ms', 'spread', 'each p50', 'p99', 'others p50 ms', 'p99', 'server CPU s'];

const NOTES = [
  `All connect within ${String(WITHIN_MS)} ms, from one process, at most 500 that are not synced at a time. Each: from when it was due to synced.`,
  `Others: ${String(OTHERS)} clients that were there before, of which ${String(SAMPLED)} decode; ${String(PACE.perSecond)} events/s for ${String(PACE.seconds)} s; from the rename to the decoding.`,
];
