import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import type { Growth, Role } from './chart.js';
import { withChildren } from './child.js';
import type { FilterCost, FilterPlan, FilterShape } from './programs/filter-match.js';
import { count, formatNumber, exponent } from './format-number.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import { exponentOf, spread } from './statistics.js';
import { atMost, type Target } from './target.js';

const SHAPES: readonly FilterShape[] = ['distinct', 'shared', 'globs', 'transitions'];
const SUBSCRIPTIONS = [10, 1_000, 100_000];
/** To compile more globs would take longer than all the matching. */
const MAX_GLOBS = 10_000;

/** Measures how long it takes to find the ten subscriptions that match an event, among many; in process, without sockets. */
export const filters: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  const lines: Growth[] = [];
  for (const shape of SHAPES.filter((name) => name.includes(options.only))) {
    const most = shape === 'globs' ? MAX_GLOBS : Infinity;
    const sides = SUBSCRIPTIONS.map((count) => matchSide({ shape, subscriptions: Math.min(count, most) }, options));
    const outcome = await alternate(sides, options.rounds, (text) => options.note(`${shape}: ${text}`));
    raw[shape] = Object.fromEntries(outcome);
    const growth = (name: string, role: Role, pick: (cost: FilterCost) => number): Growth => ({
      name,
      role,
      points: [...outcome.keys()].map((count) => ({
        x: Number(count),
        value: spread(roundsOf(outcome, count).map(pick)),
      })),
    });
    const indexed = growth(shape, 'ours', ({ indexedUs }) => indexedUs);
    const linear = growth(`${shape}, linear scan`, 'baseline', ({ linearUs }) => linearUs);
    lines.push(indexed, ...(shape === 'distinct' ? [linear] : []));
    const fitted = exponent(exponentOf(indexed.points));
    indexed.points.forEach(({ x, value: { median, low, high } }, i) => {
      const scan = linear.points[i]!.value.median;
      const cells = [
        formatNumber(median),
        `${formatNumber(low)}–${formatNumber(high)}`,
        formatNumber(scan),
        formatNumber(scan / median),
      ];
      rows.push([shape, String(x), ...cells, i === indexed.points.length - 1 ? fitted : '']);
    });
  }
  const columns = ['filters', 'subscriptions', 'µs per event', 'spread', 'linear scan µs', 'linear ÷ ours', 'exponent'];
  const title = 'Finding the ten subscriptions that an event is for';
  const chart = { is: 'growth', title, xAxis: 'subscriptions', yAxis: 'microseconds per event', lines } as const;
  return { tables: [{ title: 'Match', columns, rows, notes: NOTES }], charts: [chart], targets: targetsOf(lines), raw };
};

const targetsOf = (lines: readonly Growth[]): Target[] =>
  lines
    .filter(({ role }) => role === 'ours')
    .map(({ name, points }) => {
      const { x, value } = points.at(-1)!;
      return atMost(`an event among ${count(x)} subscriptions, ${name}`, 5, value.median, ' µs');
    });

const NOTES = [
  'CPU time of FanOut.publish for one event at a time, ten subscriptions matching (in `shared` they are one group); checked to be exactly those.',
  'Exponent: of the cost as a power of the number of subscriptions. The linear scan asks every compiled filter, without sending.',
];

export function matchSide(plan: FilterPlan, options: BenchOptions): Side<FilterCost> {
  const run = (): Promise<FilterCost> =>
    withChildren(async (start) =>
      (await start('programs/filter-match', plan, serverArgv(options))).call<FilterCost>('measure'),
    );
  return { name: String(plan.subscriptions), run };
}
