import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { BenchOptions } from './bench.js';
import type { Chart } from './chart.js';
import { withChildren, type How } from './child.js';
import { onAbort } from './cleanup.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { CountedSource } from './clients/wire-formats.js';
import { count, formatNumber } from './format-number.js';
import { commandPath, modelPath } from './installed.js';
import { CONNECTIONS, roleOf } from './memory.js';
import { cpuSecondsOf, wakeupsOf } from './process-stat.js';
import type { Table } from './report.js';
import { withRepository } from './repository.js';
import { roundsOf, Unavailable, type Outcome, type Side } from './rounds.js';
import { spread } from './statistics.js';
import { atMost, type Target } from './target.js';

const RECORDS = 20_000;
/** The wait after the start. V8 collects garbage three times, about twenty seconds after the last file was read. */
const SETTLE_MS = 35_000;
/** The length of a round. Five of them make a minute. */
const STRETCH_MS = 12_000;

interface Rest {
  /** Share of one core. */
  readonly share: number;
  readonly wakeupsPerSecond: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Watches a process that does nothing, in consecutive stretches, so that rare work falls into one of them. */
async function watchProcess(pid: number, rounds: number): Promise<Rest[]> {
  await sleep(SETTLE_MS);
  const threads = readdirSync(`/proc/${String(pid)}/task`);
  const rests: Rest[] = [];
  for (let round = 0; round < rounds; round++) {
    const [cpu, wakeups] = [cpuSecondsOf(pid), wakeupsOf(pid, threads)];
    await sleep(STRETCH_MS);
    const seconds = STRETCH_MS / 1_000;
    rests.push({
      share: (cpuSecondsOf(pid) - cpu) / seconds,
      wakeupsPerSecond: (wakeupsOf(pid, threads) - wakeups) / seconds,
    });
  }
  return rests;
}

function restingBus(root: string, connections: number, rounds: number, how: How = {}): Promise<Rest[]> {
  return withChildren(async (start) => {
    const server = await start<{ url: string; token: string }>('programs/bus', { root }, how);
    const source: CountedSource = { is: 'bus', ...server.ready };
    if (connections > 0) await start('clients/counting-client', { source, connections } satisfies CountingPlan);
    return watchProcess(server.pid, rounds);
  });
}

/** The bus alone with its records, one stretch a round, for {@link compare}. */
export function restSide(root: string, { build }: BenchOptions): Side<Rest> {
  const run = async (): Promise<Rest> => (await restingBus(root, 0, 1, build === undefined ? {} : { build }))[0]!;
  return { name: 'bus', run };
}

async function restingModel(root: string, rounds: number): Promise<Rest[]> {
  const child = spawn(commandPath('python3'), [modelPath(), root], { stdio: 'ignore' });
  const stopped = onAbort(() => child.kill());
  try {
    return await watchProcess(child.pid!, rounds);
  } finally {
    child.kill();
    stopped();
  }
}

/** Measures all processes at once: two of three do nothing, and CPU time is counted per process. */
export async function restOfAll(options: BenchOptions): Promise<ReadonlyMap<string, Outcome<Rest>>> {
  options.note(`cpu: a minute, with and without ${String(CONNECTIONS)} subscribers`);
  const measured = async (rest: (root: string) => Promise<Rest[]>): Promise<Outcome<Rest>> => {
    try {
      return { is: 'measured', rounds: await withRepository(RECORDS, ({ root }) => rest(root)) };
    } catch (error) {
      if (error instanceof Unavailable) return { is: 'skipped', why: error.message };
      throw error;
    }
  };
  const [quiet, crowded, model] = await Promise.all([
    measured((root) => restingBus(root, 0, options.rounds)),
    measured((root) => restingBus(root, CONNECTIONS, options.rounds)),
    measured((root) => restingModel(root, options.rounds)),
  ]);
  return new Map([
    ['bus', quiet],
    [`bus, ${count(CONNECTIONS)} subscribers`, crowded],
    ['model of the original, 1 s', model],
  ]);
}

/** Returns the mean, not the median: rare work happens in few stretches. */
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function cpuTable(outcome: ReadonlyMap<string, Outcome<Rest>>): Table {
  const row = (name: string, found: Outcome<Rest>): string[] => {
    if (found.is === 'skipped') return [name, `skipped: ${found.why}`, '', ''];
    const shares = found.rounds.map(({ share }) => share * 100);
    const { low, high } = spread(shares);
    const wakeups = mean(found.rounds.map((round) => round.wakeupsPerSecond));
    return [
      name,
      `${formatNumber(mean(shares))} %`,
      `${formatNumber(low)}–${formatNumber(high)} %`,
      formatNumber(wakeups),
    ];
  };
  return {
    title: `At rest, ${count(RECORDS)} records`,
    columns: ['', 'of a core', 'spread', 'wakeups/s'],
    rows: [...outcome].map(([name, found]) => row(name, found)),
    notes: [
      `Mean and spread of stretches of ${String(STRETCH_MS / 1_000)} s that follow each other, from ${String(SETTLE_MS / 1_000)} s after the start; reconciling and heartbeats included. The kernel counts CPU time in steps of 10 ms.`,
    ],
  };
}

export function cpuChart(outcome: ReadonlyMap<string, Outcome<Rest>>): Chart {
  const entries = [...outcome.keys()].flatMap((name) => {
    const shares = roundsOf(outcome, name).map(({ share }) => share * 100);
    if (shares.length === 0) return [];
    // A value below the kernel's step may be 0, which a logarithmic axis cannot show.
    const least = 1 / (STRETCH_MS / 1_000);
    const { low, high } = spread(shares);
    const value = { median: Math.max(least, mean(shares)), low: Math.max(least, low), high: Math.max(least, high) };
    return [{ name, role: roleOf(name), value }];
  });
  return {
    is: 'contest',
    title: `At rest with ${count(RECORDS)} records`,
    axis: 'percent of a core, mean',
    unit: '%',
    entries,
  };
}

export const cpuTargets = (outcome: ReadonlyMap<string, Outcome<Rest>>): Target[] => [
  atMost('CPU at rest with 20,000 records', 0.5, mean(roundsOf(outcome, 'bus').map(({ share }) => share * 100)), ' %'),
];
