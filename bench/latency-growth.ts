import type { Chart, Growth } from './chart.js';
import type { Latencies } from './clients/latency-client.js';
import { exponent } from './format-number.js';
import type { Table } from './report.js';
import type { Outcome } from './rounds.js';
import { exponentOf, median, pairedRatios, percentile, spread, tailRatio, type Spread } from './statistics.js';
import { atMost, type Target } from './target.js';

/** The sides of one row of the benchmark, or its peers. */
export type Outcomes = Readonly<Record<string, Outcome<Latencies>>>;
type Rows = Readonly<Record<string, Outcomes>>;

/** The row with only the probe and one record. */
const ALONE = 'nothing else';
const MANY = '100,000 records';
/** The rows of a growing number, and the number in each. */
const BY_RECORDS: readonly (readonly [string, number])[] = [
  [ALONE, 1],
  ['1,000 records', 1_000],
  ['20,000 records', 20_000],
  [MANY, 100_000],
];
const BY_SUBSCRIBERS: readonly (readonly [string, number])[] = [
  [ALONE, 1],
  ['1 other subscriber', 2],
  ['1,000 other subscribers', 1_001],
];

function renameOf(outcome: Outcome<Latencies> | undefined): Spread | undefined {
  if (outcome?.is !== 'measured') return undefined;
  return spread(outcome.rounds.map(({ rename }) => percentile(rename, 0.5)));
}

function growth(rows: Rows, name: string, by: typeof BY_RECORDS): Growth {
  const points = by.flatMap(([row, x]) => {
    const value = renameOf(rows[row]?.[name]);
    return value === undefined ? [] : [{ x, value }];
  });
  return { name, role: name === 'bus' ? 'ours' : 'baseline', points };
}

const SIDES = ['bus', 'bare loop'];

const renames = (rows: Rows, row: string, name: string): (readonly number[])[] => {
  const outcome = rows[row]?.[name];
  return outcome?.is === 'measured' ? outcome.rounds.map(({ rename }) => rename) : [];
};

/** Returns the median ratio of the bus's p50 to the baseline's, of neighbouring rounds. */
const halfToBaseline = (rows: Rows, row: string): number => {
  const halves = (name: string): number[] => renames(rows, row, name).map((round) => percentile(round, 0.5));
  return median(pairedRatios(halves('bus'), halves('bare loop')));
};

export function targets(rows: Rows): Target[] {
  const half = halfToBaseline(rows, ALONE);
  const tail = tailRatio(renames(rows, ALONE, 'bus'), renames(rows, ALONE, 'bare loop'));
  return [
    atMost('p50 of a rename, against the bare loop', 1.4, half, ' ×'),
    atMost('its p99, against the p99 of the bare loop', 1.5, tail, ' ×'),
    atMost('the ratio with 100,000 records, against the ratio with none', 1.2, halfToBaseline(rows, MANY) / half, ' ×'),
  ];
}

export function growthTable(rows: Rows): Table {
  const cells = (by: typeof BY_RECORDS): string[] =>
    SIDES.map((name) => exponent(exponentOf(growth(rows, name, by).points)));
  return {
    title: 'How the latency grows',
    columns: ['p50 of a rename', ...SIDES],
    rows: [
      ['with the number of records', ...cells(BY_RECORDS)],
      ['with the number of subscribers', ...cells(BY_SUBSCRIBERS)],
    ],
    notes: ['Fitted exponents: 0 does not grow, 1 grows in step.'],
  };
}

export function charts(rows: Rows): Chart[] {
  const contenders = { ...rows[ALONE], ...rows['peers'] };
  const entries = Object.entries(contenders).flatMap(([name, outcome]) => {
    const value = renameOf(outcome);
    const role = name === 'bus' ? ('ours' as const) : name === 'bare loop' ? ('baseline' as const) : ('peer' as const);
    return value === undefined ? [] : [{ name, role, value }];
  });
  entries.sort((a, b) => a.value.median - b.value.median);
  const lines = SIDES.map((name) => growth(rows, name, BY_RECORDS));
  return [
    {
      is: 'contest',
      title: 'From a rename to the decoded event in another process',
      axis: 'median, milliseconds',
      unit: 'ms',
      entries,
    },
    {
      is: 'growth',
      file: 'records',
      title: 'The same, with more records beside it',
      xAxis: 'records',
      yAxis: 'median, milliseconds',
      lines,
    },
  ];
}
