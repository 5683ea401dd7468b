import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, BenchOptions } from './bench.js';
import { serverArgv } from './bench.js';
import { withChildren } from './child.js';
import type { CountingPlan } from './clients/counting-client.js';
import { formatNumber } from './format-number.js';
import { commandPath } from './installed.js';
import type { HotPathPart, HotPathPlan } from './programs/hot-path.js';
import { withRepository } from './repository.js';
import { Unavailable } from './rounds.js';
import { spread } from './statistics.js';

/** Runs a command and writes the number of its instructions in user mode to a file. */
interface Counter {
  readonly name: string;
  /** The words before the command. */
  through(file: string): string[];
  read(text: string): number;
}

const PERF: Counter = {
  name: 'perf stat, user mode',
  through: (file) => [commandPath('perf'), 'stat', '-x,', '-e', 'instructions:u', '-o', file],
  read: (text) => Number(/^(\d+),.*instructions/m.exec(text)?.[1]),
};

const CALLGRIND: Counter = {
  name: 'valgrind --tool=callgrind',
  through: (file) => [commandPath('valgrind'), '-q', '--tool=callgrind', `--callgrind-out-file=${file}`],
  read: (text) => Number(/^(?:summary|totals): (\d+)/m.exec(text)?.[1]),
};

/** Returns the hardware's counter if the machine has one, or else a simulated processor. */
function chooseCounter(): Counter {
  try {
    const { stdout, stderr } = spawnSync(commandPath('perf'), ['stat', '-x,', '-e', 'instructions:u', 'true'], {
      encoding: 'utf8',
    });
    if (!Number.isNaN(PERF.read(`${stdout}${stderr}`))) return PERF;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
  }
  commandPath('valgrind');
  return CALLGRIND;
}

interface Part {
  readonly part: HotPathPart;
  readonly title: string;
  /** The events of the shorter run; the longer one has twice as many. Both begin with a warm-up that compiles the code. */
  readonly events: number;
}

/** Lengths that run before the counted ones, in both runs, so that compiling cancels out too. */
const WARM_UP = 1;
const SUBSCRIBERS = 20;

const PARTS: readonly Part[] = [
  { part: 'ingest', title: 'ingest: from a hint through reading the file to the event', events: 400 },
  { part: 'match', title: 'match: the ten of 2,000 filters that an event is for', events: 4_000 },
  { part: 'frame', title: 'frame: packing a record, its event and a frame', events: 4_000 },
  { part: 'send', title: 'send: one event to one of 20 sockets, without the kernel', events: 300 },
];

/**
 * V8 options for a stable count. V8 optimises code when it has time, and the instructions for that would exceed those that are counted. If
 * code is compiled once and without optimisation, it takes the same instructions in every run, but more than optimised code.
 */
const STEADY = ['--single-threaded', '--always-sparkplug', '--no-opt', '--hash-seed=1', '--random-seed=1'];

/** Counts the instructions of a whole process that handles a number of events. */
async function count(
  counter: Counter,
  { part, events }: Part,
  lengths: number,
  options: BenchOptions,
): Promise<number> {
  return withRepository(0, async ({ root }) => {
    const file = join(root, 'count');
    await withChildren(async (start) => {
      const plan: HotPathPlan = { part, root };
      const how = { ...serverArgv(options), argv: STEADY, through: counter.through(file) };
      const program = await start<{ url?: string }>('programs/hot-path', plan, how);
      const { url } = program.ready;
      if (url !== undefined) {
        const crowd: CountingPlan = { source: { is: 'bus', url, token: '' }, connections: SUBSCRIBERS };
        await start('clients/counting-client', crowd);
      }
      await program.call('work', (WARM_UP + lengths) * events);
    });
    const instructions = counter.read(readFileSync(file, 'utf8'));
    rmSync(file);
    if (Number.isNaN(instructions)) throw new Error(`${counter.name} has printed no count of instructions`);
    return instructions;
  });
}

/** Measures the instructions of one event: the difference between a longer and a shorter run. */
export const instructions: Bench = async (options) => {
  const counter = chooseCounter();
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  // A count differs very little from run to run, so few rounds do.
  const rounds = Math.min(options.rounds, ROUNDS);
  for (const one of PARTS.filter(({ part }) => part.includes(options.only))) {
    const perEvent: number[] = [];
    for (let round = 0; round < rounds; round++) {
      options.note(`${one.part}: round ${String(round + 1)}/${String(rounds)}`);
      // Both at once: a count does not depend on other processes.
      const [short, long] = await Promise.all([1, 2].map((lengths) => count(counter, one, lengths, options)));
      perEvent.push((long! - short!) / one.events / (one.part === 'send' ? SUBSCRIBERS : 1));
    }
    raw[one.part] = perEvent;
    const { median, low, high } = spread(perEvent);
    rows.push([one.title, formatNumber(median), `${formatNumber(low)}–${formatNumber(high)}`]);
  }
  const notes = [
    `Counted by ${counter.name}: instructions of the process, not of the kernel. The difference of two runs of different length, so that starting and compiling cancel out. The code is compiled by V8's baseline compiler only, which is steady but not fast: good for comparing commits, not for adding up times; rounds: ${String(rounds)}.`,
  ];
  const columns = ['', 'instructions an event', 'spread'];
  return { tables: [{ title: 'Instructions', columns, rows, notes }], raw: { counter: counter.name, perEvent: raw } };
};

const ROUNDS = 1;
