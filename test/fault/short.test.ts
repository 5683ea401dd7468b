import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import t from 'tap';
import { RUNS } from './runs.js';
import { attempt, type Row } from './support/attempt.js';
import { held, type FaultRun } from './support/fault-run.js';

/** This test checks no times, and a busy machine takes ten times as long as a quiet one. */
const TIMEOUT_MS = 600_000;
t.setTimeout(TIMEOUT_MS);

const root = fileURLToPath(new URL('../../', import.meta.url));
const out = join(root, '.build', 'fault-short');

/** Translates the sources, each file by itself, as `tsc` would: the runs start their own processes, which need JavaScript. */
async function translate(): Promise<void> {
  const sources = ['protocol', 'server', 'client', 'bench', 'test/fault', 'test/support'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(root, directory, name)),
  );
  await build({
    entryPoints: sources,
    outdir: out,
    outbase: root,
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
}

/** Runs all faults in their brief form, three at a time (four only wait for each other's cores). @returns their rows, by name. */
async function runAll(): Promise<Map<string, Row>> {
  const args = [join(out, 'test', 'fault', 'main.js'), '--brief', '--json', '--jobs=3'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  await new Promise((resolve) => child.on('close', resolve));
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
  return new Map(rows.map((row) => [row.name, row]));
}

t.test('a run that throws is reported as BROKEN, with the error', async (t) => {
  const run: FaultRun = {
    row: 0,
    name: 'throws',
    invariant: 'none',
    fault: 'none',
    run: () => Promise.reject(new Error('as it must')),
  };
  t.match(await attempt(run, 'brief', 1), { result: 'BROKEN', note: /as it must/ });
  t.match(await attempt({ ...run, run: () => Promise.resolve(held(3)) }, 'brief', 1), { result: 'held', rounds: 3 });
});

t.test('every fault, briefly: `npm run test:fault` does more', { timeout: TIMEOUT_MS }, async (t) => {
  await translate();
  const rows = await runAll();
  for (const { row, name, invariant } of RUNS) {
    const found = rows.get(name);
    const title = `${String(row)}: ${invariant}`;
    if (found?.result === 'skipped') t.pass(title, { skip: found.note });
    else t.equal(found?.result, 'held', title, { note: found?.note ?? 'the runner ended before this run' });
  }
});
