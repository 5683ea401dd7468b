import { existsSync, renameSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import type { Growth } from './chart.js';
import { withChildren } from './child.js';
import { count, formatNumber, exponent } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import { stateLocation } from '../server/repository/index.js';
import { exponentOf, median, pairedRatios, spread } from './statistics.js';
import { atMost } from './target.js';

/** Times in milliseconds since the start of the process. */
interface Round {
  readonly ms: number;
}

/** Returns the directory of a bus's private state. */
const stateOf = (root: string): string => stateLocation(root).path;
const journalAside = (root: string): string => join(root, 'journal-aside');

/** Starts the bus once, and waits until it reports that it is ready. */
export async function startOnce(root: string, options: BenchOptions): Promise<Round> {
  return withChildren(async (start) => {
    const began = performance.now();
    const { ready } = await start<{ url: string }>('programs/bus', { root }, serverArgv(options));
    await isReady(ready.url);
    return { ms: performance.now() - began };
  });
}

/** A start without the state of an earlier run. */
export function coldSide(root: string, options: BenchOptions): Side<Round> {
  const run = async (): Promise<Round> => {
    rmSync(stateOf(root), { recursive: true, force: true });
    return startOnce(root, options);
  };
  return { name: COLD, run };
}

/** A start with the journal of a run that ended in order. The journal is read in place, because a copy counts as damaged. */
function journalSide(root: string, options: BenchOptions): Side<Round> {
  const run = async (): Promise<Round> => {
    rmSync(stateOf(root), { recursive: true, force: true });
    renameSync(journalAside(root), stateOf(root));
    const round = await startOnce(root, options);
    renameSync(stateOf(root), journalAside(root));
    return round;
  };
  return { name: JOURNAL, run };
}

/** Lets a bus write its journal, and moves its state aside for the rounds. */
async function prepareJournal(root: string, options: BenchOptions): Promise<void> {
  await withChildren(async (start) => {
    await start('programs/bus', { root }, serverArgv(options));
    // The journal is complete when it has a header, which is written last.
    while (!existsSync(join(stateOf(root), 'journal', 'header.json'))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  renameSync(stateOf(root), journalAside(root));
}

function isReady(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url.replace('ws', 'http')}/readyz`, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`/readyz answers ${String(response.statusCode)}`));
    }).on('error', reject);
  });
}

function readingSide(root: string): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const began = performance.now();
      const reader = await start('baselines/read-all', { root });
      await reader.call('readAll');
      return { ms: performance.now() - began };
    });
  return { name: READING, run };
}

const COLD = 'bus, cold';
const JOURNAL = 'bus, from its journal';
const READING = 'reading the files';
const RECORDS = [1, 1_000, 20_000, 100_000];
const MAX_MS: Readonly<Record<number, number>> = { 20_000: 1_200, 100_000: 5_000 };

/** Measures the time from the start of the process to an endpoint that answers. */
export const start: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  const lines = new Map<string, { x: number; value: ReturnType<typeof spread> }[]>();
  for (const records of RECORDS.filter((count) => String(count).includes(options.only))) {
    const outcome = await withRepository(records, async ({ root }) => {
      await prepareJournal(root, options);
      const sides = [coldSide(root, options), journalSide(root, options), readingSide(root)];
      return alternate(sides, options.rounds, (text) => options.note(`${String(records)} records: ${text}`));
    });
    raw[String(records)] = Object.fromEntries(outcome);
    const times = (name: string): number[] => roundsOf(outcome, name).map(({ ms }) => ms);
    for (const name of outcome.keys()) {
      const value = spread(times(name));
      lines.set(name, [...(lines.get(name) ?? []), { x: records, value }]);
      const ratio = name === READING ? '' : formatNumber(median(pairedRatios(times(name), times(READING))));
      rows.push([
        String(records),
        name,
        formatNumber(value.median),
        `${formatNumber(value.low)}–${formatNumber(value.high)}`,
        ratio,
      ]);
    }
  }
  const growths = [...lines].map(([name, points]): Growth => ({
    name,
    points,
    role: name === READING ? 'baseline' : 'ours',
  }));
  const exponents = growths.map(({ name, points }) => `${name} ${exponent(exponentOf(points))}`);
  const notes = [
    ...NOTES,
    `Grows with the number of records to the power of: ${exponents.join(', ')}; the start of Node included.`,
  ];
  const columns = ['records', '', 'ms', 'spread', '× reading'];
  const cold = growths.find(({ name }) => name === COLD)?.points ?? [];
  const targets = cold
    .filter(({ x }) => x in MAX_MS)
    .map(({ x, value }) => atMost(`cold start with ${count(x)} records`, MAX_MS[x]!, value.median, ' ms'));
  const title = 'From starting the process to an endpoint that answers';
  const chart = { is: 'growth', title, xAxis: 'records', yAxis: 'milliseconds', lines: growths } as const;
  return { tables: [{ title: 'Start', columns, rows, notes }], charts: [chart], targets, raw };
};

const NOTES = [
  'From starting the process to a /readyz that says ready; the files are in the page cache. The baseline starts a process too, then lists, reads and parses.',
];
