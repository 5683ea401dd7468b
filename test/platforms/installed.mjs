/**
 * The packed package, installed from the registry as npm does it on this platform: the command begins, and without its optional engine
 * a server runs on ws. Part of `npm run test:platform`, against dist/. test/package/installed.test.ts shows more of it, on linked dependencies.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import '../support/user-directories.mjs';

const project = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'muse-bus-installed-'));
const npm = (args, cwd) =>
  execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

try {
  const [{ filename, version }] = JSON.parse(
    npm(['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder], project),
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  // Without scripts: a package without its build for this machine is compiled by nobody.
  const quiet = [
    '--omit=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
  ];
  npm(['install', ...quiet, `./${filename}`], folder);
  assert.ok(!existsSync(join(folder, 'node_modules', 'uWebSockets.js')), 'the engine is optional');
  assert.match(npm(['exec', '--', 'muse-bus', '--version'], folder), new RegExp(`^${version}\\b`));
  const manifest = JSON.parse(readFileSync(join(folder, 'node_modules/muse-bus/package.json'), 'utf8'));
  const command = join(folder, 'node_modules/muse-bus', manifest.bin['muse-bus']);
  const server = spawn(process.execPath, [command, 'serve', '--root', folder, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await new Promise((resolve) => {
    server.stdout.setEncoding('utf8').once('data', resolve);
    server.once('close', () => resolve('it ended'));
  });
  server.kill();
  assert.match(said, /Listening at/);
  console.log('installed from the registry: passed');
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}
