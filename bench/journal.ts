import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren } from './child.js';
import type { Cost, LifePlan, Restart } from './programs/journal-life.js';
import { formatNumber, type Table } from './report.js';
import { withRepository } from './repository.js';
import { alternate, type Outcome, type Side } from './rounds.js';
import { median, pairedRatios, spread } from './statistics.js';

const PROGRAM = 'programs/journal-life';
const RESTART = { records: 20_000, events: 50_000, missed: 10_000, journal: true };
const ENDS = ['stop', 'kill'] as const;
type End = (typeof ENDS)[number];

/** Measures the cost of writing the journal, and how fast a server with a journal restarts. */
export const journal: Bench = async (options) => {
  const tables: Table[] = [];
  const raw: Record<string, unknown> = {};
  if ('restart'.includes(options.only)) {
    const outcome = await restarts(options);
    raw['restart'] = Object.fromEntries(outcome);
    tables.push(restartTable(outcome));
  }
  if ('cost'.includes(options.only)) {
    const sides = [true, false].map((isOn) => costSide(isOn, options));
    const outcome = await alternate(sides, options.rounds, (text) => options.note(`cost: ${text}`));
    raw['cost'] = Object.fromEntries(outcome);
    tables.push(costTable(outcome));
  }
  return { tables, raw };
};

/** Restarts a server on one repository with its journal. Each start follows the kind of end that its side names. */
function restarts(options: BenchOptions): Promise<ReadonlyMap<string, Outcome<Restart>>> {
  return withRepository(0, async ({ root }) => {
    const plan: LifePlan = { root, ...RESTART };
    options.note('a life with 20,000 records and 50,000 changes');
    await withChildren(async (start) => (await start(PROGRAM, plan)).call('live'));
    const sides = ENDS.map((end) => restartSide(end, plan, options));
    return alternate(sides, options.rounds, (text) => options.note(`restart: ${text}`));
  });
}

function restartSide(end: End, plan: LifePlan, options: BenchOptions): Side<Restart> {
  const run = async (): Promise<Restart> => {
    if (end === 'kill')
      await withChildren(async (start) => (await start(PROGRAM, plan)).call('kill').catch(() => undefined));
    return withChildren(async (start) => (await start(PROGRAM, plan, serverArgv(options))).call<Restart>('resume'));
  };
  return { name: `after ${end}`, run };
}

function restartTable(outcome: ReadonlyMap<string, Outcome<Restart>>): Table {
  const rows: string[][] = [];
  for (const [name, found] of outcome) {
    if (found.is === 'skipped') continue;
    const of = (figure: keyof Restart): string => {
      const { median: middle, low, high } = spread(found.rounds.map((round) => round[figure]));
      return `${formatNumber(middle)} (${formatNumber(low)}–${formatNumber(high)})`;
    };
    rows.push([name, of('readyMs'), of('readyCpuMs'), of('resumeMs'), of('resumeCpuMs'), of('history')]);
  }
  const columns = ['restart', 'endpoint ready ms', 'CPU ms', 'resume of 10,000 ms', 'CPU ms', 'history'];
  return { title: 'Restart with 20,000 records that have changed 50,000 times', columns, rows, notes: RESTART_NOTES };
}

const RESTART_NOTES = [
  'Ready: from the start of the process, Node included. Resume: the first of the new process, in JSON, in process, to the synced mark.',
  'Median and spread. After a kill the table is read in another process first, whose time is in the first column only.',
];

function costSide(isOn: boolean, options: BenchOptions): Side<Cost> {
  const run = (): Promise<Cost> =>
    withRepository(0, ({ root }) =>
      withChildren(async (start) => {
        const plan: LifePlan = { root, ...RESTART, journal: isOn };
        return (await start(PROGRAM, plan, serverArgv(options))).call<Cost>('cost');
      }),
    );
  return { name: isOn ? 'on' : 'off', run };
}

function costTable(outcome: ReadonlyMap<string, Outcome<Cost>>): Table {
  const figures: readonly (readonly [title: string, figure: keyof Cost])[] = [
    ['rename to frame, p50 ms', 'p50Ms'],
    ['rename to frame, p99 ms', 'p99Ms'],
    ['fan-out to 1,000, CPU µs per event', 'fanOutUs'],
  ];
  const rows = figures.map(([title, figure]) => {
    const [on, off] = ['on', 'off'].map((name) => {
      const found = outcome.get(name);
      return found?.is === 'measured' ? found.rounds.map((round) => round[figure]) : [];
    });
    const ratio = median(pairedRatios(on!, off!));
    return [title, formatNumber(median(on!)), formatNumber(median(off!)), formatNumber(ratio)];
  });
  return { title: 'Journal on against off', columns: ['journal', 'on', 'off', 'on ÷ off'], rows, notes: COST_NOTES };
}

const COST_NOTES = [
  'Each round in a fresh process, on and off in turns; the ratio is the median of those of rounds next to each other.',
  'Sockets cost nothing here, and files are written by the same process: the journal is compared with the least there is.',
];
