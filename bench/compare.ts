import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BenchOptions } from './bench.js';
import { onAbort } from './cleanup.js';
import { formatNumber } from './format-number.js';
import { busFromFiles, fanoutSide, THOUSAND } from './fanout.js';
import { matchSide } from './filters.js';
import { ALONE, bus, latencySide } from './latency.js';
import { subscribedSide } from './memory.js';
import { withRepository } from './repository.js';
import { newcomersSide, NEWCOMERS, RETURNING } from './newcomers.js';
import { restSide } from './rest.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import { busSide } from './snapshot.js';
import { coldSide } from './start.js';
import { median, pairedRatios, percentile, spread } from './statistics.js';

/** The sources are two folders above the compiled program. */
const ROOT = resolve(import.meta.dirname, '../..');

/** A measure to compare: a benchmark's own round, and the figures from it. */
interface Measure {
  readonly records: number;
  side(root: string, options: BenchOptions): Side<unknown>;
  figures(round: never): Readonly<Record<string, number>>;
}

const RECORDS = 20_000;
const SUBSCRIPTIONS = 100_000;

function measure<T>(
  records: number,
  side: (root: string, options: BenchOptions) => Side<T>,
  figures: (round: T) => Readonly<Record<string, number>>,
): Measure {
  return { records, side, figures };
}

const MEASURES: Readonly<Record<string, Measure>> = {
  latency: measure(
    ALONE.records,
    (root, options) => latencySide('', bus, root, ALONE, options),
    ({ rename, write, unlink }) => ({
      'rename p50, ms': percentile(rename, 0.5),
      'rename p99, ms': percentile(rename, 0.99),
      'write p50, ms': percentile(write, 0.5),
      'unlink p50, ms': percentile(unlink, 0.5),
    }),
  ),
  fanout: measure(
    0,
    (_root, options) => fanoutSide('', busFromFiles, THOUSAND, options),
    ({ deliveriesPerSecond, serverCpuSeconds }) => ({
      'deliveries/s to 1,000 clients': deliveriesPerSecond,
      'server CPU s/million deliveries': serverCpuSeconds,
    }),
  ),
  filters: measure(
    0,
    (_root, options) => matchSide({ shape: 'distinct', subscriptions: SUBSCRIPTIONS }, options),
    ({ indexedUs }) => ({ 'match among 100,000, µs': indexedUs }),
  ),
  snapshot: measure(
    RECORDS,
    (root, options) => busSide(root, RECORDS, options),
    ({ ms, firstMs, hundredMs }) => ({
      'snapshot of 20,000, ms': ms,
      'the first one, ms': firstMs,
      'a hundred at once, ms': hundredMs ?? NaN,
    }),
  ),
  newcomers: measure(
    NEWCOMERS.records,
    (root, options) => newcomersSide('', root, NEWCOMERS, options),
    ({ allMs, othersP99Ms, cpuSeconds }) => ({
      'newcomers: all synced, ms': allMs,
      'newcomers: p99 of the others, ms': othersP99Ms,
      'newcomers: server CPU, s': cpuSeconds,
    }),
  ),
  returning: measure(
    RETURNING.records,
    (root, options) => newcomersSide('', root, RETURNING, options),
    ({ allMs, othersP99Ms, cpuSeconds }) => ({
      'returning: all synced, ms': allMs,
      'returning: p99 of the others, ms': othersP99Ms,
      'returning: server CPU, s': cpuSeconds,
    }),
  ),
  start: measure(RECORDS, coldSide, ({ ms }) => ({ 'start with 20,000, ms': ms })),
  idle: measure(RECORDS, restSide, ({ share, wakeupsPerSecond }) => ({
    'at rest, % of a core': share * 100,
    'at rest, wakeups/s': wakeupsPerSecond,
  })),
  memory: measure(
    0,
    (_root, options) => subscribedSide(options),
    (bytes) => ({ 'memory of a connection, bytes': bytes }),
  ),
};

const PARTS = ['bench', 'tsconfig.json', 'tsconfig.bench.json'];

/**
 * Builds another commit with this commit's programs around its server. Where its layout is another, so that they do not compile, that commit
 * keeps its own programs. The measuring clients are this commit's in both cases.
 * @returns its compiled `bench/`.
 */
function build(base: string, note: (text: string) => void): { readonly path: string; remove(): void } {
  const git = (cwd: string, ...args: string[]): string => execFileSync('git', args, { cwd, encoding: 'utf8' }).trim();
  const tree = mkdtempSync(join(tmpdir(), 'muse-bus-bench-base-'));
  const remove = (): void => {
    rmSync(tree, { recursive: true, force: true });
    git(ROOT, 'worktree', 'prune');
  };
  const removed = onAbort(remove);
  git(ROOT, 'worktree', 'add', '--detach', tree, base);
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  const compile = (): string => {
    rmSync(join(tree, '.build'), { recursive: true, force: true });
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    return spawnSync(process.execPath, [tsc, '-p', 'tsconfig.bench.json'], {
      cwd: tree,
      encoding: 'utf8',
    }).stdout.trim();
  };
  for (const part of PARTS) {
    rmSync(join(tree, part), { recursive: true, force: true });
    cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  }
  note(`building ${base}`);
  let errors = compile();
  if (errors.includes('bench/programs/')) {
    note(`${base} has another layout: it is measured with its own programs`);
    for (const part of PARTS) rmSync(join(tree, part), { recursive: true, force: true });
    git(tree, 'checkout', base, '--', ...PARTS);
    errors = compile();
  }
  const path = join(tree, '.build', 'bench');
  if (!existsSync(join(path, 'programs', 'bus.js'))) throw new Error(`${base} cannot be built:\n${errors}`);
  if (errors !== '') note(`built with errors, a measure that needs what is missing fails:\n${errors}`);
  return {
    path,
    remove: () => {
      removed();
      remove();
    },
  };
}

/** Runs rounds of another commit's server and of this one's in turn. @returns the ratios as Markdown. */
export async function compare(
  base: string | undefined,
  names: readonly string[],
  options: BenchOptions,
): Promise<string> {
  const known = Object.keys(MEASURES);
  if (base === undefined) throw new Error(`compare takes a commit, and optionally some of ${known.join(', ')}`);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`compare knows no ${unknown}; it knows ${known.join(', ')}`);
  const built = build(base, options.note);
  const lines = [`| | ${base} | here | here ÷ ${base} | spread |`, '| --- | ---: | ---: | ---: | ---: |'];
  try {
    for (const name of names.length > 0 ? names : known) {
      const { records, side, figures } = MEASURES[name]!;
      const outcome = await withRepository(records, ({ root }) => {
        const there = { ...side(root, { ...options, build: built.path }), name: base };
        const here = { ...side(root, options), name: 'here' };
        return alternate([there, here], options.rounds, (text) => options.note(`${name}: ${text}`));
      });
      const [theirs, ours] = [base, 'here'].map((who) =>
        roundsOf(outcome, who).map((round) => figures(round as never)),
      );
      for (const figure of Object.keys(ours![0]!)) {
        const [before, after] = [theirs!, ours!].map((rounds) => rounds.map((round) => round[figure]!));
        const { median: ratio, low, high } = spread(pairedRatios(after!, before!));
        const cells = [
          figure,
          formatNumber(median(before!)),
          formatNumber(median(after!)),
          formatNumber(ratio),
          `${formatNumber(low)}–${formatNumber(high)}`,
        ];
        lines.push(`| ${cells.join(' | ')} |`);
      }
    }
  } finally {
    built.remove();
  }
  return lines.join('\n');
}
