import type { Bench } from './bench.js';
import { withChildren } from './child.js';
import type { FilterCost, FilterPlan, FilterShape } from './programs/filter-match.js';
import { digits } from './report.js';
import { alternate, type Side } from './rounds.js';
import { fittedExponent, median, spread } from './statistics.js';

const SHAPES: readonly FilterShape[] = ['distinct', 'shared', 'globs', 'transitions'];
const SUBSCRIPTIONS = [10, 100, 1_000, 10_000, 100_000];

/** Finding the ten subscriptions that an event is for, among many; in process, without sockets. */
export const filters: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  for (const shape of SHAPES.filter((name) => name.includes(options.only))) {
    const sides = SUBSCRIPTIONS.map((subscriptions) => side({ shape, subscriptions }));
    const outcome = await alternate(sides, options.rounds, (text) => options.note(`${shape}: ${text}`));
    raw[shape] = Object.fromEntries(outcome);
    const points: [number, number][] = [];
    for (const [name, found] of outcome) {
      if (found.is === 'skipped') continue;
      const indexed = spread(found.rounds.map(({ indexedUs }) => indexedUs));
      const linear = median(found.rounds.map(({ linearUs }) => linearUs));
      points.push([Number(name), indexed.median]);
      const range = `${digits(indexed.low)}–${digits(indexed.high)}`;
      rows.push([shape, name, digits(indexed.median), range, digits(linear), digits(linear / indexed.median), '']);
    }
    rows.at(-1)![6] = digits(fittedExponent(points));
  }
  const columns = ['filters', 'subscriptions', 'µs per event', 'spread', 'linear scan µs', 'linear ÷ ours', 'exponent'];
  return { tables: [{ title: 'Match', columns, rows, notes: NOTES }], raw };
};

const NOTES = [
  'CPU time of FanOut.publish for one event at a time, ten subscriptions matching (in `shared` they are one group); checked to be exactly those.',
  'Exponent: of the cost as a power of the number of subscriptions. The linear scan asks every compiled filter, without sending.',
];

function side(plan: FilterPlan): Side<FilterCost> {
  const run = (): Promise<FilterCost> =>
    withChildren(async (start) => (await start('programs/filter-match', plan)).call<FilterCost>('measure'));
  return { name: String(plan.subscriptions), run };
}
