import { readScriptArguments, refuseArguments } from '../support/script-arguments.js';
import { RUNS } from './runs.js';
import { attempt, type Row } from './support/attempt.js';
import type { FaultRun, Form } from './support/fault-run.js';

const USAGE = `npm run test:fault -- [--brief | --long [--parts N]] [--json] [--jobs N] [NAME …]

runs the faults whose names contain a NAME, or all, and prints the table of docs/FAULTS.md
`;
const { values, positionals: names } = readScriptArguments(USAGE, {
  brief: { type: 'boolean' },
  long: { type: 'boolean' },
  json: { type: 'boolean' },
  jobs: { type: 'string', default: '1' },
  parts: { type: 'string', default: '1' },
});
const form: Form = values.long ? 'long' : values.brief ? 'brief' : 'short';
const isJson = values.json === true;
const jobs = Number(values.jobs);
/** A part runs an Nth of the rounds of the long form, for machines that limit the time of a process. */
const parts = Number(values.parts);
for (const count of [jobs, parts])
  if (!Number.isInteger(count) || count < 1) refuseArguments('--jobs and --parts take a number from 1 on', USAGE);
const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const chosen = RUNS.filter(({ name }) => names.length === 0 || names.some((wanted) => name.includes(wanted)));
if (chosen.length === 0)
  refuseArguments(
    `no fault is called ${names.join(', ')}; there are ${RUNS.map(({ name }) => name).join(', ')}`,
    USAGE,
  );

function print(row: Row): void {
  const { invariant, fault, rounds, result, note, seconds } = row;
  if (isJson) {
    console.log(JSON.stringify(row));
    return;
  }
  const line = `${result}${note === '' ? '' : `: ${note}`} (${seconds.toFixed(0)} s)`;
  console.log(`| ${String(row.row)} | ${invariant} | ${fault} | ${rounds.toLocaleString('en')} | ${line} |`);
}

/** Runs one fault after the other. Several jobs run in parallel, because most runs mostly wait. */
async function work(waiting: FaultRun[]): Promise<number> {
  let broken = 0;
  for (let run = waiting.shift(); run; run = waiting.shift()) {
    const row = await attempt(run, form, seed, parts);
    if (row.result === 'BROKEN') broken++;
    print(row);
  }
  return broken;
}

if (!isJson) {
  console.log(`seed ${String(seed)} (FAULT_SEED repeats it), ${form} form\n`);
  console.log('|    | must hold | fault | rounds | result |\n|---:|---|---|---:|---|');
}
// The longest runs are last in the table: with several jobs they start first.
const waiting = jobs > 1 ? chosen.toReversed() : [...chosen];
const broken = await Promise.all(Array.from({ length: jobs }, () => work(waiting)));
// Exits even if a run has left a timer or a socket behind.
process.exit(broken.every((count) => count === 0) ? 0 : 1);
