/**
 * Runs all test files, or those that are named by their sources, against `dist/` as it is. Other arguments are given to tap.
 *
 * tap starts each test file, and each Node program that a test starts, with a thread that notes which modules are loaded, for its coverage.
 * The suite runs without coverage, and programs under test should run as their users run them. tap has no option for this, so a module that
 * is loaded before anything else leaves the thread out: a test file then takes half of the CPU.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);
const manifest = require.resolve('tap/package.json');
const tap = join(dirname(manifest), require(manifest).bin.tap);
const unrecorded = new URL('unrecorded.mjs', import.meta.url).href;

await import('./build-suite.mjs');
// It fails on what it does not need here, and a tap that is not built with the plugins of .taprc builds itself again, and fails as loudly.
spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: 'ignore' });
const stripped = process.argv
  .slice(2)
  .map((argument) => argument.replace(/^(?:\.\/)?(test\/.*\.test)\.tsx?$/, '.suite/$1.js'));
const run = spawnSync(process.execPath, [tap, '--disable-coverage', ...stripped], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${unrecorded}`.trim() },
});
process.exitCode = run.status ?? 1;
