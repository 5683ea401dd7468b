import { readFileSync } from 'node:fs';
import { readScriptArguments } from '../support/script-arguments.js';
import { BYTE_ATTACKS, fuzzBytes } from './bytes.js';
import { buildInputs, fuzzInputs, INPUT_ATTACKS } from './inputs.js';
import { fuzz } from './run.js';

/**
 * Runs all fuzzers together, `--seconds` on each engine: bytes on bare sockets, messages and files beside a control client, and inputs
 * that are read without a server. The kept seeds come first, then new ones. Ends with the first run that fails.
 */
const { values } = readScriptArguments('npm run test:fuzz -- [--seconds 600] [--transport uws|ws]\n', {
  seconds: { type: 'string', default: '600' },
  transport: { type: 'string' },
});
const kept = JSON.parse(readFileSync('test/fuzz/seeds.json', 'utf8')) as Record<string, readonly number[]>;
const transports = (['uws', 'ws'] as const).filter((name) => (values.transport ?? name) === name);
/** The length of one run. A longer time is split into many runs, so that a failure belongs to one seed. */
const RUN_SECONDS = 30;
const LIVES = 20_000;
const MESSAGES = 10_000;
const FILES = 2_000;

interface Run {
  readonly name: string;
  /** @returns the report, and whether the run passed */
  readonly run: (seed: number, seconds: number) => Promise<{ readonly isGood: boolean; readonly report: object }>;
}

const inputs: readonly Run[] = INPUT_ATTACKS.map((attack) => ({
  name: attack,
  run: async (seed, seconds) => {
    const report = await fuzzInputs({ attack, seed, lives: LIVES, seconds });
    return { isGood: report.failure === undefined, report };
  },
}));

function served(transport: 'uws' | 'ws'): readonly Run[] {
  const bytes = Object.keys(BYTE_ATTACKS).map((attack): Run => ({
    name: attack,
    run: async (seed, seconds) => {
      const report = await fuzzBytes({ transport, attack, seed, lives: LIVES, seconds });
      return { isGood: report.isAlive && report.errors === '' && report.isServing, report };
    },
  }));
  const whole: Run = {
    name: 'messages and files',
    run: async (seed) => {
      const report = await fuzz({ messages: MESSAGES, files: FILES, seed, transport, historyEvents: 1_000 });
      const { controlClient, errors, serverDied, differences } = report;
      const hasReceivedAll =
        controlClient.seen === controlClient.written && controlClient.astray === 0 && !controlClient.disconnected;
      return { isGood: !serverDied && errors.length === 0 && differences.length === 0 && hasReceivedAll, report };
    },
  };
  return [...bytes, whole];
}

const outcome = { hasFailed: false };

async function repeat(where: string, { name, run }: Run, until: number): Promise<void> {
  const waiting = [...(kept[name] ?? [])];
  while (performance.now() < until && !outcome.hasFailed) {
    const seed = waiting.shift() ?? Math.floor(Math.random() * 2 ** 31);
    const seconds = Math.min(RUN_SECONDS, (until - performance.now()) / 1_000);
    const { isGood, report } = await run(seed, seconds);
    console.log(JSON.stringify({ where, name, seed, isGood, ...(isGood ? brief(report) : report) }));
    if (!isGood) outcome.hasFailed = true;
  }
}

/** The part of a report that says how much was done. */
const brief = (report: object): object =>
  Object.fromEntries(
    Object.entries(report).filter(([key]) => ['lives', 'sent', 'files', 'controlClient'].includes(key)),
  );

buildInputs();
for (const transport of transports) {
  const until = performance.now() + Number(values.seconds) * 1_000;
  await Promise.all([...served(transport), ...inputs].map((each) => repeat(transport, each, until)));
}
process.exit(outcome.hasFailed ? 1 : 0);
