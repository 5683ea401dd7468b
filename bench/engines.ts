import { spawnSync } from 'node:child_process';
import { delimiter, resolve } from 'node:path';
import { LIVES, side, summaryOf, type Life, type Round, type Transport } from './anatomy.js';
import type { Bench } from './bench.js';
import { formatNumber } from './format-number.js';
import { ALONE } from './latency.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf, Unavailable, type Side } from './rounds.js';
import { median, pairedRatios, percentile, spread } from './statistics.js';
import { atMost } from './target.js';

/** A Node whose servers are measured. */
interface Runtime {
  readonly version: string;
  readonly path: string;
  /** Whether the native engine loads in it; the bare loop needs it too. */
  readonly loadsNative: boolean;
}

const TRANSPORTS: readonly (readonly [name: string, transport: Transport])[] = [
  ['native', 'uws'],
  ['ws', 'ws'],
];

/** By how much the ratio on another Node may exceed that of the Node that runs the benchmark. */
const MOST_AGAINST_FIRST = 1.1;

/** Asks a program of Node for its version, and whether it loads the native engine. */
function runtimeAt(path: string): Runtime {
  const run = (script: string): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(path, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const { stdout: version } = run('process.stdout.write(process.versions.node)');
  if (version === '') throw new Error(`${path} is no program of Node`);
  const engine = JSON.stringify(import.meta.resolve('uWebSockets.js'));
  return { version, path, loadsNative: run(`await import(${engine})`).status === 0 };
}

/** Returns this Node, and those that MUSE_BENCH_NODES names. */
function runtimes(): Runtime[] {
  const named = (process.env['MUSE_BENCH_NODES'] ?? '').split(delimiter).filter((path) => path !== '');
  return [process.execPath, ...named.map((path) => resolve(path))].map(runtimeAt);
}

const busOf = ({ version }: Runtime, engine: string): string => `Node ${version}, ${engine}`;
const loopOf = ({ version }: Runtime): string => `bare loop, Node ${version}`;

/** Returns the bare loop on the same Node, or, where the native engine does not load, on the first. */
const baselineOf = (runtime: Runtime, [first]: readonly Runtime[]): string =>
  loopOf(runtime.loadsNative ? runtime : first!);

function busSide(root: string, runtime: Runtime, [engine, transport]: (typeof TRANSPORTS)[number]): Side<Round> {
  const name = busOf(runtime, engine);
  if (transport === 'ws' || runtime.loadsNative) return side(name, root, transport, { node: runtime.path });
  const why = `the native engine does not load in Node ${runtime.version}`;
  return { name, run: () => Promise.reject(new Unavailable(why)) };
}

/** Measures a rename on several versions of Node, with both engines: the ratio to the bare loop, young and warm. */
export const engines: Bench = async (options) => {
  const all = runtimes();
  const shown = all.filter(({ version }) => `Node ${version}`.includes(options.only));
  const outcome = await withRepository(ALONE.records, ({ root }) =>
    alternate(
      [
        ...shown.flatMap((runtime) => TRANSPORTS.map((engine) => busSide(root, runtime, engine))),
        ...all
          .filter(({ loadsNative }, i) => i === 0 || loadsNative)
          .map((runtime) => side(loopOf(runtime), root, undefined, { node: runtime.path })),
      ],
      options.rounds,
      options.note,
    ),
  );
  const quantiles = (name: string, life: (typeof LIVES)[number], share: number): number[] =>
    roundsOf(outcome, name).map((round) => percentile(totalsOf(round[life]), share));
  const measured = shown.flatMap((runtime) =>
    TRANSPORTS.map(([engine]) => {
      const name = busOf(runtime, engine);
      const ratios = (life: (typeof LIVES)[number], share: number): number[] =>
        pairedRatios(quantiles(name, life, share), quantiles(baselineOf(runtime, all), life, share));
      return { runtime, engine, name, ratios, isMeasured: roundsOf(outcome, name).length > 0 };
    }),
  );
  const rows = measured.map(({ runtime, engine, name, ratios, isMeasured }) => {
    const cells = !isMeasured
      ? ['does not load', '', '', '', '']
      : [
          ...LIVES.flatMap((life) => [0.5, 0.9].map((share) => formatNumber(median(ratios(life, share))))),
          formatNumber(median(quantiles(name, 'warm', 0.5)) * 1e3),
        ];
    return [runtime.version, engine, ...cells, baselineOf(runtime, all)];
  });
  const seen = measured.filter(({ isMeasured }) => isMeasured);
  const firstOf = (engine: string): (typeof seen)[number] | undefined =>
    seen.find((one) => one.runtime === all[0] && one.engine === engine);
  return {
    tables: [{ title: 'A rename on each Node and engine', columns: COLUMNS, rows, notes: NOTES }],
    charts: [
      {
        is: 'contest',
        title: 'A rename, warm, against the bare loop',
        axis: 'p50 ÷ that of the bare loop',
        unit: ' ×',
        entries: seen.map(({ name, ratios }) => ({ name, role: 'ours' as const, value: spread(ratios('warm', 0.5)) })),
      },
    ],
    targets: seen
      .filter((one) => one.runtime !== all[0] && firstOf(one.engine) !== undefined)
      .map(({ name, engine, ratios }) =>
        atMost(
          `p50 of a rename ÷ the bare loop, warm: ${name}, against Node ${all[0]!.version}`,
          MOST_AGAINST_FIRST,
          median(ratios('warm', 0.5)) / median(firstOf(engine)!.ratios('warm', 0.5)),
          ' ×',
        ),
      ),
    raw: Object.fromEntries([...outcome.keys()].map((name) => [name, roundsOf(outcome, name).map(summaryOf)])),
  };
};

const totalsOf = ({ totals }: Life): readonly number[] => totals;

const COLUMNS = [
  'Node',
  'engine',
  'young p50 ÷ loop',
  'p90',
  'warm p50 ÷ loop',
  'p90',
  'warm p50 µs',
  'measured against',
];

const NOTES = [
  'Young and warm as in `anatomy`, with its stamps. The server runs on the Node named, the measuring client on the one that runs the benchmark.',
  'The bare loop runs on the same Node. Where the native engine does not load, the loop of the first Node is measured beside.',
];
