import { spawnSync } from 'node:child_process';
import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren } from './child.js';
import type { SnapshotTime } from './clients/snapshot-client.js';
import { commandPath, modelPath } from './installed.js';
import { formatNumber, exponent } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, type Side } from './rounds.js';
import { exponentOf, median, spread, type Spread } from './statistics.js';
import { atMost } from './target.js';
import type { Growth, Role } from './chart.js';

interface Round {
  /** The first snapshot that the server sends. */
  readonly firstMs: number;
  readonly ms: number;
  /** A hundred snapshots at once: the time until the last is complete. */
  readonly hundredMs: number | undefined;
}

const AT_ONCE = 100;
/** With more records, the unread snapshots of a hundred clients would fill the memory. */
const MAX_AT_ONCE = 20_000;

export function busSide(root: string, records: number, options: BenchOptions): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const { ready } = await start<object>('programs/bus', { root }, serverArgv(options));
      const client = await start('clients/snapshot-client', ready);
      const one = async (): Promise<number> => check(await client.call<SnapshotTime>('one'), records);
      const firstMs = await one();
      const later = [await one(), await one(), await one(), await one(), await one()];
      const hundred =
        records <= MAX_AT_ONCE ? check(await client.call<SnapshotTime>('many', AT_ONCE), AT_ONCE * records) : undefined;
      return { firstMs, ms: median(later), hundredMs: hundred };
    });
  return { name: 'bus', run };
}

function check({ ms, events }: SnapshotTime, expected: number): number {
  if (events !== expected) throw new Error(`a snapshot of ${String(events)} events instead of ${String(expected)}`);
  return ms;
}

function readingSide(root: string): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const reader = await start('baselines/read-all', { root });
      const firstMs = (await reader.call<SnapshotTime>('readAll')).ms;
      return { firstMs, ms: (await reader.call<SnapshotTime>('readAll')).ms, hundredMs: undefined };
    });
  return { name: 'reading the directory', run };
}

function modelSide(root: string): Side<Round> {
  const run = (): Promise<Round> => {
    const python = commandPath('python3');
    const script = modelPath();
    const began = performance.now();
    spawnSync(python, [script, root, '--once'], { stdio: 'ignore' });
    const ms = performance.now() - began;
    return Promise.resolve({ firstMs: ms, ms, hundredMs: undefined });
  };
  return { name: 'model of the original --once', run };
}

const RECORDS = [1_000, 20_000, 100_000];
/** With more records, the model's scan takes so long that five rounds of it would be the longest part of the whole run. */
const MAX_FOR_MODEL = 20_000;
const ROLES: Readonly<Record<string, Role>> = { bus: 'ours', 'reading the directory': 'baseline' };

/** Measures the time until a client has all records, from a running server. */
export const snapshot: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  const lines = new Map<string, { x: number; value: Spread }[]>();
  for (const records of RECORDS.filter((count) => String(count).includes(options.only))) {
    const outcome = await withRepository(records, ({ root }) => {
      const sides = [busSide(root, records, options), readingSide(root)];
      if (records <= MAX_FOR_MODEL) sides.push(modelSide(root));
      return alternate(sides, options.rounds, (text) => options.note(`${String(records)} records: ${text}`));
    });
    raw[String(records)] = Object.fromEntries(outcome);
    for (const [name, found] of outcome) {
      if (found.is === 'skipped') {
        rows.push([String(records), name, `skipped: ${found.why}`, '', '', '']);
        continue;
      }
      const value = spread(found.rounds.map(({ ms }) => ms));
      lines.set(name, [...(lines.get(name) ?? []), { x: records, value }]);
      const of = (pick: (round: Round) => number | undefined): string =>
        formatNumber(median(found.rounds.map((round) => pick(round) ?? NaN)));
      const range = `${formatNumber(value.low)}–${formatNumber(value.high)}`;
      rows.push([
        String(records),
        name,
        formatNumber(value.median),
        range,
        of(({ firstMs }) => firstMs),
        of((r) => r.hundredMs),
      ]);
    }
  }
  const growths = [...lines].map(([name, points]): Growth => ({ name, points, role: ROLES[name] ?? 'peer' }));
  const exponents = growths.map(({ name, points }) => `${name} ${exponent(exponentOf(points))}`);
  const notes = [...NOTES, `Grows with the number of records to the power of: ${exponents.join(', ')}.`];
  const columns = ['records', 'by', 'ms', 'spread', 'first ms', `${String(AT_ONCE)} at once ms`];
  const measured = growths.find(({ role }) => role === 'ours')?.points.find(({ x }) => x === 20_000);
  const targets = measured ? [atMost('20,000 records at the client', 80, measured.value.median, ' ms')] : [];
  const title = 'All records at a client, decoded';
  const chart = { is: 'growth', title, xAxis: 'records', yAxis: 'milliseconds', lines: growths } as const;
  return { tables: [{ title: 'Snapshot', columns, rows, notes }], charts: [chart], targets, raw };
};

const NOTES = [
  'Bus: from asking on an open connection to the synced mark, every event decoded by the client (a hundred at once only count). First: the first snapshot after the server started, which packs every record.',
  'Reading the directory: readdir, readFileSync and JSON.parse in one process. The model: a whole run with --once, up to 20,000 records.',
];
