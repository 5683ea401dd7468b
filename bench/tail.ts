import type { Bench } from './bench.js';
import type { Latencies } from './clients/latency-client.js';
import { formatNumber } from './format-number.js';
import { ALONE, bareLoop, bus, latencySide, WITH_CARE } from './latency.js';
import type { StartWatcher } from './watcher.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf } from './rounds.js';
import { percentile } from './statistics.js';

interface Variant {
  readonly name: string;
  readonly watcher: StartWatcher;
}

const busWith =
  (settings: { readonly journal?: boolean }, argv: readonly string[] = []): StartWatcher =>
  async (start, root) => {
    const { ready } = await start<{ url: string; token: string }>('programs/bus', { root, ...settings }, { argv });
    return { is: 'bus', ...ready };
  };

const BASELINE = 'bare loop';
/** The bus as it is, and without each part that may take a core from it or make it wait. */
const VARIANTS: readonly Variant[] = [
  { name: 'bus', watcher: bus },
  { name: 'without the journal', watcher: busWith({ journal: false }) },
  { name: 'without collections', watcher: busWith({}, ['--min-semi-space-size=256', '--max-semi-space-size=256']) },
  { name: 'without compiling on', watcher: busWith({}, ['--no-opt']) },
  { name: 'without any threads of V8', watcher: busWith({}, ['--single-threaded']) },
  { name: BASELINE, watcher: bareLoop },
];

/** Finds the causes of the longest latencies of a rename, by leaving out one part at a time. */
export const tail: Bench = async (options) => {
  const wanted = VARIANTS.filter(({ name }) => name.includes(options.only));
  const outcome = await withRepository(ALONE.records, ({ root }) =>
    alternate(
      wanted.map(({ name, watcher }) => latencySide(name, watcher, root, ALONE, options, WITH_CARE)),
      options.rounds,
      options.note,
    ),
  );
  const renames = (name: string): number[] => roundsOf<Latencies>(outcome, name).flatMap(({ rename }) => rename);
  const rows = wanted.map(({ name }) => {
    const all = renames(name);
    const at = (share: number): number => percentile(all, share);
    const long = all.filter((ms) => ms > LONG_MS).length / all.length;
    const toBaseline = at(0.99) / percentile(renames(BASELINE), 0.99);
    return [name, ...[at(0.5), at(0.99), at(0.999), 100 * long, toBaseline].map(formatNumber)];
  });
  return { tables: [{ ...TABLE, rows }], raw: Object.fromEntries(outcome) };
};

const LONG_MS = 1;

const TABLE = {
  title: 'The tail of a rename',
  columns: ['', 'p50 ms', 'p99', 'p99.9', `over ${String(LONG_MS)} ms, %`, '× bare p99'],
  notes: ['All rounds together; surroundings and warm-up as where latency promises something.'],
};
