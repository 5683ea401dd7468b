/**
 * What a platform can show of itself, for the hosted workflow and for whoever has such a machine: `npm run test:platform`. It needs no shell
 * and no program but Node. Tests that emulate another platform over inotify are skipped elsewhere, and say so.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = readdirSync(join(root, 'test/platforms')).filter((name) => name.endsWith('.test.ts'));
const files = [
  ...here.map((name) => `test/platforms/${name}`),
  'test/server/watch/watch-contract.test.ts',
  'test/server/watch/folding-case.test.ts',
  'test/server/watch/lease-time.test.ts',
];

const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status;

// Alone, a file would get half a minute from tap, and a busy machine needs more.
process.env.TAP_TIMEOUT ??= '300';

let failed = 0;
for (const script of ['test/smoke/smoke.mjs', 'test/platforms/command-line.mjs', 'test/platforms/installed.mjs'])
  if (run([script]) !== 0) failed++;
if (run(['test/support/build-suite.mjs']) !== 0) process.exit(1);
for (const file of files) {
  const status = run(['--import', './test/support/prepare.mjs', join('.suite', file.replace(/\.ts$/, '.js'))]);
  console.log(`${status === 0 ? 'held' : 'FAILED'}  ${file}`);
  if (status !== 0) failed++;
}
console.log(`${process.platform} ${process.arch}, Node ${process.versions.node}: ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
