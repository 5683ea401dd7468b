/**
 * Changes the sources of a room in small ways, one at a time, and runs the tests of the room's own folder against each: what no test
 * notices is printed. `npm run test:mutation -- protocol/filter server/store/history.ts`; docs/MUTATION.md tells how to read it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';
import { readScriptArguments, refuseArguments } from '../support/script-arguments.ts';
import { isInSample } from './sample.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const USAGE = `npm run test:mutation -- [options] ROOM|FILE …      such as protocol/filter server/store/history.ts

  --jobs N      so many test runs at once; default: 1
  --survivors   only the changes that no test noticed the last time
  --tests A,B   only these tests of the folder, such as history,epoch
  --sample N    only each Nth change
  --minutes N   what has not been tried after so long is left out
  --processes   each test file in a process of its own: slower, for rooms whose tests start programs

docs/MUTATION.md tells how to read what it prints.
`;
/** The status of a mutant that was not run: it is not in the sample, or the time was over. */
const UNTRIED = 'RuntimeError';
const { values, positionals } = readScriptArguments(USAGE, {
  jobs: { type: 'string', default: '1' },
  survivors: { type: 'boolean', default: false },
  processes: { type: 'boolean', default: false },
  tests: { type: 'string' },
  sample: { type: 'string', default: '1' },
  minutes: { type: 'string', default: '1000' },
});
process.chdir(root);
const unknown = positionals.find((path) => !existsSync(path));
if (unknown !== undefined) refuseArguments(`there is no ${unknown}`, USAGE);
if (positionals.length === 0) refuseArguments('name the rooms or files to change', USAGE);
for (const name of ['sample', 'minutes'])
  if (!/^[1-9]\d*$/.test(values[name]))
    refuseArguments(`--${name} takes a number from 1 on, got ${values[name]}`, USAGE);
const sample = Number(values.sample);
const endsAt = Date.now() + Number(values.minutes) * 60_000;
const byRoom = new Map();
for (const path of positionals) {
  const named = path.replace(/\/$/, '');
  const room = named.endsWith('.ts') ? dirname(named) : named;
  byRoom.set(room, [...(byRoom.get(room) ?? []), named]);
}
for (const [room, named] of byRoom) await mutate(room, named);

/** @param named the room itself, or some of its files. */
async function mutate(room, named) {
  const kind = [values.processes ? 'processes' : '', values.tests ?? '']
    .filter((part) => part !== '')
    .map((part) => `.${part}`)
    .join('');
  const state = join('.build', 'mutation', `${room.replaceAll('/', '-')}${kind}.json`);
  mkdirSync(dirname(state), { recursive: true });
  const before = Date.now();
  const results = await new Stryker({
    ...(values.processes ? inProcesses(room) : inProcess(room)),
    mutate: values.survivors
      ? placesLeft(state, named)
      : named.map((path) => (path === room ? `${room}/**/*.ts` : path)),
    // Words for people are not compared letter by letter, and the compiler finds a wrong word of a union.
    mutator: { excludedMutations: ['StringLiteral'] },
    coverageAnalysis: 'perTest',
    incremental: true,
    incrementalFile: state,
    force: values.survivors,
    tempDirName: join('.build', 'mutation', 'work'),
    ignorePatterns: ['/.build', '/.suite', '/.tap', '/dist', '/docs/screenshots', '/bench/results'],
    disableTypeChecks: false,
    reporters: ['progress-append-only'],
    concurrency: Number(values.jobs),
    // A machine that does something else beside this is slower now and then.
    timeoutMS: 5_000,
    timeoutFactor: 2,
    allowConsoleColors: false,
  }).runMutationTest();
  forgetUntried(state);
  report(named.join(' '), results, Date.now() - before);
}

/** Otherwise the next run would take it for a result. */
function forgetUntried(state) {
  const kept = JSON.parse(readFileSync(state, 'utf8'));
  for (const file of Object.values(kept.files)) file.mutants = file.mutants.filter(({ status }) => status !== UNTRIED);
  writeFileSync(state, JSON.stringify(kept));
}

/** All tests in Stryker's own process: test/mutation/runner.mjs says why. */
function inProcess(room) {
  return {
    testRunner: 'in-process',
    plugins: [fileURLToPath(new URL('runner.mjs', import.meta.url))],
    inProcess: { testFiles: testsOf(room, 'ts').map((pattern) => `test/${pattern}`), sample, endsAt },
  };
}

/** Each test file in a process of its own, for tests that start programs or leave something behind. */
function inProcesses(room) {
  return {
    testRunner: 'tap',
    plugins: ['@stryker-mutator/tap-runner'],
    tap: {
      testFiles: testsOf(room, 'js').map((pattern) => `.suite/test/${pattern}`),
      nodeArgs: ['-r', '{{hookFile}}', '--import', './test/support/prepare.mjs', '{{testFile}}'],
      forceBail: true,
    },
    buildCommand: 'node test/support/build-suite.mjs',
  };
}

/** The room's tests; of those the named ones, if some are. */
function testsOf(room, extension) {
  const names = values.tests?.split(',') ?? ['**/*'];
  return names.map((name) => `${room}/${name}.test.${extension}`);
}

/** The places of the mutants that no test noticed in the last run. */
function placesLeft(state, named) {
  if (!existsSync(state)) throw new Error(`${named.join(' ')} has not been run yet`);
  const { files } = JSON.parse(readFileSync(state, 'utf8'));
  return Object.entries(files)
    .filter(([file]) => named.some((path) => file === path || file.startsWith(`${path}/`)))
    .flatMap(([file, { mutants }]) => mutants.filter(isLeft).map(({ location }) => `${file}:${rangeOf(location)}`));
}

function isLeft({ status }) {
  return status === 'Survived' || status === 'NoCoverage';
}

function rangeOf({ start, end }) {
  return `${String(start.line)}:${String(start.column - 1)}-${String(end.line)}:${String(end.column - 1)}`;
}

function report(named, results, ms) {
  const counted = results.filter(
    ({ id, status }) => status !== 'Ignored' && status !== UNTRIED && isInSample(id, sample),
  );
  const untried = results.filter(({ id, status }) => status === UNTRIED && isInSample(id, sample)).length;
  const left = counted.filter(isLeft);
  for (const { fileName, location, mutatorName, replacement, status } of left) {
    const { start } = location;
    const place = `${relative(root, fileName)}:${String(start.line)}:${String(start.column)}`;
    const never = status === 'NoCoverage' ? ', which no test runs' : '';
    console.log(`${place} ${mutatorName}${never}: ${excerpt(fileName, location)} -> ${oneLine(replacement)}`);
  }
  const noticed = counted.length - left.length;
  const share = counted.length === 0 ? 100 : (100 * noticed) / counted.length;
  console.log(
    `${named}: ${String(noticed)} of ${String(counted.length)} noticed, ${share.toFixed(1)} %, in ${String(Math.round(ms / 1_000))} s${untried > 0 ? `; ${String(untried)} not tried` : ''}`,
  );
}

function excerpt(fileName, { start, end }) {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return oneLine(lines.join('\n'));
}

function oneLine(text = '') {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 90 ? `${line.slice(0, 90)}…` : line;
}
