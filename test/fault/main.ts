import { overflow } from './01-overflow.js';
import { order } from './02-order.js';
import { cutFrames } from './03-cut-frames.js';
import { stalledClient } from './04-stalled-client.js';
import { killedSockets } from './05-killed-sockets.js';
import { bookmarks } from './06-bookmarks.js';
import { cutInAStorm } from './07-cut-in-a-storm.js';
import { filtersAndCaps } from './08-filters-and-caps.js';
import { killedServer } from './09-killed-server.js';
import { durable } from './10-durable.js';
import { fullDisk } from './11-full-disk.js';
import { noWatches } from './12-no-watches.js';
import { swappedDirectories } from './13-swapped-directories.js';
import { tornWrites } from './14-torn-writes.js';
import { readErrors } from './15-read-errors.js';
import { clocks } from './16-clocks.js';
import { badNeighbours } from './17-bad-neighbours.js';
import { oneOwner } from './18-one-owner.js';
import { stalledCrowd } from './19-stalled-crowd.js';
import { shutdown } from './20-shutdown.js';
import { largeSnapshots } from './21-large-snapshots.js';
import { FaultContext, type FaultRun, type Outcome } from './support/fault-run.js';

/** One for each row of the table of invariants, and one for what is promised of large snapshots. */
const RUNS: readonly FaultRun[] = [
  overflow,
  order,
  cutFrames,
  stalledClient,
  killedSockets,
  bookmarks,
  cutInAStorm,
  filtersAndCaps,
  killedServer,
  durable,
  fullDisk,
  noWatches,
  swappedDirectories,
  tornWrites,
  readErrors,
  clocks,
  badNeighbours,
  oneOwner,
  stalledCrowd,
  shutdown,
  largeSnapshots,
];

interface Row {
  readonly row: number;
  readonly name: string;
  readonly invariant: string;
  readonly fault: string;
  readonly rounds: number;
  readonly result: 'held' | 'skipped' | 'BROKEN';
  readonly note: string;
  readonly seconds: number;
}

async function attempt(run: FaultRun, isLong: boolean, seed: number): Promise<Row> {
  const context = new FaultContext(isLong, seed);
  const began = performance.now();
  let outcome: Outcome | Error;
  try {
    outcome = await run.run(context);
  } catch (error) {
    outcome = error as Error;
  } finally {
    await context.dispose();
  }
  const { row, name, invariant, fault } = run;
  const common = { row, name, invariant, fault, seconds: (performance.now() - began) / 1_000 };
  if (outcome instanceof Error) return { ...common, rounds: 0, result: 'BROKEN', note: outcome.stack ?? '' };
  if (outcome.is === 'skipped') return { ...common, rounds: 0, result: 'skipped', note: outcome.why };
  return { ...common, rounds: outcome.rounds, result: 'held', note: outcome.note ?? '' };
}

const args = process.argv.slice(2);
const isLong = args.includes('--long');
const isJson = args.includes('--json');
const names = args.filter((arg) => !arg.startsWith('--'));
const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const chosen = RUNS.filter(({ name }) => names.length === 0 || names.some((wanted) => name.includes(wanted)));

if (!isJson) {
  console.log(`seed ${String(seed)} (FAULT_SEED repeats it), ${isLong ? 'long' : 'short'} form\n`);
  console.log('|    | must hold | fault | rounds | result |\n|---:|---|---|---:|---|');
}
let broken = 0;
for (const run of chosen) {
  const row = await attempt(run, isLong, seed);
  if (row.result === 'BROKEN') broken++;
  const { invariant, fault, rounds, result, note, seconds } = row;
  if (isJson) console.log(JSON.stringify(row));
  else {
    const line = `${result}${note === '' ? '' : `: ${note}`} (${seconds.toFixed(0)} s)`;
    console.log(`| ${String(row.row)} | ${invariant} | ${fault} | ${String(rounds)} | ${line} |`);
  }
}
// Whatever a run has left behind must not keep the table waiting.
process.exit(broken === 0 ? 0 : 1);
