import { alone } from './alone.js';
import { commands } from './commands.js';
import { anatomy } from './anatomy.js';
import type { Bench, BenchOptions } from './bench.js';
import { cleanUpOnAbort } from './cleanup.js';
import { compare } from './compare.js';
import { formatNumber } from './format-number.js';
import { engines } from './engines.js';
import { fanout } from './fanout.js';
import { filters } from './filters.js';
import { hook } from './hook.js';
import { idle } from './idle.js';
import { instructions } from './instructions.js';
import { journal } from './journal.js';
import { latency } from './latency.js';
import { describeMachine } from './machine.js';
import { newcomers } from './newcomers.js';
import { relay } from './relay.js';
import { markdownOf, writeReport } from './report.js';
import { slow } from './slow.js';
import { snapshot } from './snapshot.js';
import { storm } from './storm.js';
import { soak } from './soak.js';
import { start } from './start.js';
import { tail } from './tail.js';
import { readScriptArguments, refuseArguments } from '../test/support/script-arguments.js';

const BENCHES: Readonly<Record<string, Bench>> = {
  latency,
  fanout,
  filters,
  snapshot,
  start,
  hook,
  idle,
  slow,
  relay,
  storm,
  instructions,
  journal,
  soak,
  tail,
  newcomers,
  anatomy,
  engines,
  alone,
  commands,
};
/** Benchmarks that run only when named: they take too long, or do not need a quiet machine. */
const ON_DEMAND: readonly string[] = [
  'hook',
  'instructions',
  'journal',
  'relay',
  'storm',
  'soak',
  'tail',
  'newcomers',
  'anatomy',
  'engines',
  'alone',
  'commands',
];

const ALWAYS = Object.keys(BENCHES).filter((name) => !ON_DEMAND.includes(name));
const USAGE = `npm run bench -- [options] [benchmark …]
npm run bench -- compare BASE [measure …]   this build and another, in turn

  --rounds N      how often each is measured; default: 5
  --only TEXT     only the rows with this in their names
  --profile DIR   writes profiles of the servers there

without a name: ${ALWAYS.join(', ')}
by name:        ${ON_DEMAND.join(', ')}

bench/README.md describes each one. Results go to bench/results/, except with --only or --profile.
`;
const { values, positionals } = readScriptArguments(USAGE, {
  rounds: { type: 'string', default: '5' },
  only: { type: 'string', default: '' },
  profile: { type: 'string' },
});

const began = performance.now();
const clock = (): string => {
  const seconds = Math.floor((performance.now() - began) / 1_000);
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
};

function optionsOf(name: string): BenchOptions {
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    refuseArguments(`--rounds takes a number from 1 on, got ${values.rounds}`, USAGE);
  return {
    rounds,
    only: values.only,
    profile: values.profile,
    note: (text) => process.stderr.write(`[${clock()}] ${name}: ${text}\n`),
  };
}

/** Runs one benchmark. A failure does not stop the others. @returns whether it succeeded. */
async function run(name: string): Promise<boolean> {
  const options = optionsOf(name);
  const machine = describeMachine();
  try {
    const report = await BENCHES[name]!(options);
    const words = process.argv.slice(2).filter((word) => !positionals.includes(word));
    const command = ['npm run bench --', name, ...words].join(' ');
    const taken = { name, command, report };
    // A partial result, or one under a profiler, does not replace a whole one.
    const isWhole = options.only === '' && options.profile === undefined;
    if (isWhole) writeReport(taken, new Date(), machine);
    process.stdout.write(`${markdownOf(taken, new Date(), machine)}\n`);
    return true;
  } catch (error) {
    options.note(`failed: ${(error as Error).stack ?? String(error)}`);
    return false;
  }
}

cleanUpOnAbort();
const [first, base, ...measures] = positionals;
if (first === 'compare') {
  process.stdout.write(`${await compare(base, measures, optionsOf('compare'))}\n`);
} else {
  const names = positionals.length > 0 ? positionals : ALWAYS;
  const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) refuseArguments(`there is no benchmark ${unknown}`, USAGE);
  const failed: string[] = [];
  for (const name of names) if (!(await run(name))) failed.push(name);
  const minutes = formatNumber((performance.now() - began) / 60_000);
  process.stderr.write(
    `[${clock()}] done in ${minutes} minutes${failed.length > 0 ? `; failed: ${failed.join(', ')}` : ''}\n`,
  );
  process.exit(failed.length > 0 ? 1 : 0);
}
