/**
 * Packs `muse-bus-client`, installs it with and without its optional dependencies, and runs client-program.mjs with each runtime that the
 * arguments name (paths of Node, Bun or Deno; this Node if there are none). Exits with 1 if one of them fails.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import { promisify } from 'node:util';
import '../support/user-directories.mjs';

const project = fileURLToPath(new URL('../../', import.meta.url));
const { BusServer } = await import(new URL('../../dist/server/index.js', import.meta.url));
const runtimes = process.argv.length > 2 ? process.argv.slice(2) : [process.execPath];
const TIMEOUT_MS = 30_000;
const EXPECTED = {
  runs: ['agent-1'],
  events: ['snapshot t1'],
  kinds: 7,
  refusal: 'bad-option',
  isOneClass: true,
};
const INSTALLS = { 'all packages': [], 'no optional packages': ['--omit=optional'] };

const folder = mkdtempSync(join(tmpdir(), 'muse-bus-client-'));
const records = join(folder, 'repository/.muse/coordination');
for (const directory of ['reservations', 'tasks']) mkdirSync(join(records, directory), { recursive: true });
const expires_at = new Date(Date.now() + 3_600_000).toISOString();
const reservation = { run_id: 'agent-1', addresses: ['src/a.py'], expires_at };
writeFileSync(join(records, 'reservations/r1.json'), JSON.stringify(reservation));
writeFileSync(join(records, 'tasks/t1.json'), JSON.stringify({ title: 'first' }));
const root = join(folder, 'repository');
const server = new BusServer({ root, port: 0 });

/** Installs the package. @returns the path of the program beside it */
function install(name, options) {
  const home = join(folder, name.replaceAll(' ', '-'));
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  execFileSync('npm', ['install', ...quiet, ...options, tarball], {
    cwd: home,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  copyFileSync(join(project, 'test/smoke/client-program.mjs'), join(home, 'program.mjs'));
  return join(home, 'program.mjs');
}

function flagsOf(runtime) {
  return basename(runtime).startsWith('deno') ? ['run', '-A', '--no-prompt', '--node-modules-dir=manual'] : [];
}

const npmPack = ['pack', './.build/client-package', '--json', '--pack-destination', folder];
execFileSync(process.execPath, [join(project, 'client/package/build.mjs')], { stdio: 'inherit' });
const [{ filename }] = JSON.parse(execFileSync('npm', npmPack, { cwd: project, encoding: 'utf8' }));
const tarball = join(folder, filename);
try {
  await server.start();
  for (const [name, options] of Object.entries(INSTALLS)) {
    const program = install(name, options);
    for (const runtime of runtimes) {
      try {
        const args = [...flagsOf(runtime), program, root];
        const { stdout } = await promisify(execFile)(runtime, args, { timeout: TIMEOUT_MS });
        assert.deepEqual(JSON.parse(stdout), EXPECTED);
        const { stdout: version } = await promisify(execFile)(runtime, ['--version']);
        console.log(`client: ${basename(runtime)} ${version.split('\n')[0]}, ${name}: passed`);
      } catch (error) {
        console.error(`client: ${runtime}, ${name}: failed`, error);
        process.exitCode = 1;
      }
    }
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
