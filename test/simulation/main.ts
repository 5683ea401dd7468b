import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { dirname } from 'node:path';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ArgumentsError, readArguments, USAGE, type Request } from './arguments.js';
import { keep } from './kept-seed.js';
import { live } from './life.js';
import { lives, type Found, type LivesReport } from './lives.js';
import { PLANTED_FAULTS } from './planted/planted-faults.js';
import { bundle } from './planted/planting.js';
import { look } from './planted/planted-run.js';
import { rowText, TABLE_HEAD, type PlantedRow } from './planted/planted-table.js';
import { shrink } from './shrinking.js';
import { storyOf } from './story.js';
import { WATCHED } from './transitions/state-tables.js';
import { Watchdog } from './watchdog.js';
import { planOf, type LifePlan } from './world/plan.js';

/** The interval of progress lines. */
const PROGRESS_MS = 5_000;
/** The longest time for shrinking a life. */
const SHRINK_MS = 120_000;

type LivesRequest = Extract<Request, { readonly is: 'lives' }>;
type PlantedRequest = Extract<Request, { readonly is: 'planted' }>;
type TransitionsRequest = Extract<Request, { readonly is: 'transitions' }>;
type KeepRequest = Extract<Request, { readonly is: 'keep' }>;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** The root of the repository, also from the directory of the built file. */
function rootOf(folder: string): string {
  return existsSync(`${folder}/package.json`) ? folder : rootOf(dirname(folder));
}

const ROOT = rootOf(dirname(fileURLToPath(import.meta.url)));

async function runLives(request: LivesRequest): Promise<boolean> {
  const firstSeed = request.firstSeed ?? randomInt(2 ** 31);
  say(`lives from seed ${firstSeed}`);
  let [saidAt, told] = [performance.now(), 0];
  const watchdog = new Watchdog(request.isJson);
  const report = await lives({
    ...request,
    firstSeed,
    begins: (seed, count) => {
      watchdog.lifeBegins(seed, count);
    },
    lived: (soFar) => {
      for (const each of soFar.found.slice(told)) sayFound(each);
      told = soFar.found.length;
      if (performance.now() - saidAt < PROGRESS_MS) return;
      saidAt = performance.now();
      sayProgress(soFar);
    },
  });
  await watchdog.stop();
  sayProgress(report);
  const first = report.found[0];
  if (first && request.shrinks) await tellShort(first);
  else if (first && request.withStory) for (const each of report.found) say(await tell(each.plan));
  else if (request.withStory && report.lives === 1) say((await live(planOf(firstSeed), true)).story.join('\n'));
  if (request.isJson) process.stdout.write(`${jsonOf(report, firstSeed)}\n`);
  return report.found.length === 0;
}

async function tell(plan: LifePlan): Promise<string> {
  const { violation, story } = await live(plan, true);
  return violation
    ? storyOf(plan, violation, story)
    : 'what was seen once was not seen again: a life is not deterministic';
}

async function tellShort({ seed, plan, violation }: Found): Promise<LifePlan> {
  say(`seed ${seed} is made short …`);
  const startedAt = performance.now();
  const shrunk = await shrink(plan, violation, live, () => performance.now() - startedAt > SHRINK_MS);
  say(`… in ${shrunk.lives} lives. It can be kept: npm run simulate -- --keep NAME --seed ${seed}\n`);
  say(await tell(shrunk.plan));
  return shrunk.plan;
}

async function runKeep({ name, seed, shows }: KeepRequest): Promise<boolean> {
  const plan = planOf(seed);
  const { violation } = await live(plan);
  if (!violation) say(`seed ${seed} violates nothing (any more): it is kept as long as it is`);
  const kept = violation ? await tellShort({ seed, plan, violation, afterSeconds: 0 }) : plan;
  const line = shows ?? (violation ? `${violation.rule}: ${violation.why}` : `seed ${seed}`);
  const path = keep(ROOT, name, { shows: line, plan: kept });
  say(`kept: ${path}`);
  return true;
}

function sayFound({ seed, violation }: Found): void {
  say(`seed ${seed} violates '${violation.rule}' at ${violation.atMs.toFixed(1)} ms: ${violation.why.split('\n')[0]!}`);
  say(`  again: npm run simulate -- --seed ${seed} --story`);
}

function sayProgress({ lives: count, seconds, simulatedSeconds, found }: LivesReport): void {
  const speed = seconds === 0 ? 0 : Math.round((count / seconds) * 60);
  say(
    `${count} lives in ${seconds.toFixed(1)} s (${speed} a minute, ${simulatedSeconds} s simulated), ${found.length} violate`,
  );
}

function jsonOf(
  { lives: count, simulatedSeconds, seconds, processorSeconds, found, trace }: LivesReport,
  firstSeed: number,
): string {
  const violating = found.map(({ seed, violation }) => ({ seed, rule: violation.rule }));
  return JSON.stringify({
    lives: count,
    simulated_seconds: simulatedSeconds,
    seconds,
    processor_seconds: processorSeconds,
    violations: found.length,
    trace,
    first_seed: firstSeed,
    ...(violating.length === 0 ? {} : { violating }),
  });
}

/** @returns whether each fault is found, by an expected rule. */
async function runPlanted({ only, maxSeconds, isJson }: PlantedRequest): Promise<boolean> {
  const faults = PLANTED_FAULTS.filter(({ name }) => name.includes(only));
  if (faults.length === 0) throw new ArgumentsError(`--only: no planted fault has '${only}' in its name`);
  const rows: PlantedRow[] = [];
  const waiting = [...faults];
  process.stdout.write(`${TABLE_HEAD}\n`);
  const work = async (): Promise<void> => {
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      const row = { fault, result: await look(ROOT, fault, maxSeconds) };
      rows.push(row);
      process.stdout.write(`${rowText(row)}\n`);
      if (row.result.is === 'found') say(`${fault.name}: seed ${String(row.result.seed)}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const found = rows.filter(({ result }) => result.is === 'found').length;
  for (const { fault, result } of rows)
    if (result.is === 'found' && !fault.rules.includes(result.rule))
      say(`${fault.name}: found by '${result.rule}', not by ${fault.rules.join(', ')}`);
  say(`${found} of ${rows.length} planted faults found`);
  if (isJson) process.stdout.write(`${JSON.stringify({ planted: rows.length, found })}\n`);
  return found === rows.length;
}

/** Runs the lives in a bundle that reports each transition. */
async function runTransitions({ firstSeed, maxLives, maxSeconds, isJson }: TransitionsRequest): Promise<boolean> {
  const file = await bundle(ROOT, 'transitions', WATCHED, 'test/simulation/transitions/main.ts');
  const args = [...[firstSeed, maxLives, maxSeconds].map(String), ...(isJson ? ['json'] : [])];
  const { status } = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' });
  return status === 0;
}

async function run(request: Request): Promise<boolean> {
  switch (request.is) {
    case 'help':
      process.stdout.write(USAGE);
      return true;
    case 'lives':
      return runLives(request);
    case 'keep':
      return runKeep(request);
    case 'planted':
      return runPlanted(request);
    case 'transitions':
      return runTransitions(request);
  }
}

try {
  process.exitCode = (await run(readArguments(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof ArgumentsError)) throw error;
  say(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
