/**
 * Keeps the code that V8 compiles of the hook, beside its bundle: an agent waits for it before every edit. The hook is run for what it does
 * most, beside a server of its own, so that V8 has compiled just what that needs. The file is for one version of V8 and one kind of machine;
 * without it, as in a package for another Node, the hook compiles its bundle as any program does.
 */
import { Buffer } from 'node:buffer';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, URL } from 'node:url';
import { Script } from 'node:vm';

const cli = fileURLToPath(new URL('../../../dist/client/cli/', import.meta.url));
const START_MS = 20_000;
const RUN = 'run-1';

const [, own, root] = process.argv;
await (root === undefined ? compileBesideServer() : compile());

async function compileBesideServer() {
  const directory = mkdtempSync(join(tmpdir(), 'muse-bus-compiled-'));
  const reservations = join(directory, '.muse/coordination/reservations');
  mkdirSync(reservations, { recursive: true });
  const reservation = { run_id: 'run-2', addresses: ['src/held.py'], expires_at: '2999-01-01T00:00:00Z' };
  writeFileSync(join(reservations, 'r1.json'), JSON.stringify(reservation));
  const env = { PATH: process.env['PATH'], HOME: directory, XDG_STATE_HOME: directory, XDG_CONFIG_HOME: directory };
  const serve = ['serve', '--root', directory, '--port', '0', '--no-journal'];
  const server = spawn(process.execPath, [join(cli, 'main.cjs'), ...serve], { env, stdio: 'ignore' });
  const over = new Promise((resolve) => server.once('close', resolve));
  try {
    const until = Date.now() + START_MS;
    while (!existsSync(join(directory, '.muse/bus/endpoint.json')) && Date.now() < until) await setTimeout(20);
    execFileSync(process.execPath, [own, directory], { cwd: directory, env, stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    server.kill();
    await over;
    rmSync(directory, { recursive: true });
  }
}

/** Runs the hook as main.cts does, once for each input, and writes what V8 has compiled. */
async function compile() {
  const file = join(cli, 'hook/main.cjs');
  const script = new Script(readFileSync(file, 'latin1'), { filename: 'hook/main.cjs' });
  const require = createRequire(file);
  const bundled = { exports: {} };
  const fs = require('node:fs');
  const read = fs.readSync;
  let rest = Buffer.alloc(0);
  fs.readSync = (file, buffer, ...others) => {
    if (file !== 0) return read(file, buffer, ...others);
    const length = rest.copy(buffer);
    rest = rest.subarray(length);
    return length;
  };
  script.runInThisContext()(bundled, require, (path) => import(join(cli, path)));
  for (const input of inputs()) {
    rest = Buffer.from(JSON.stringify(input));
    await bundled.exports.main(['claude-code', '--run-id', RUN]);
  }
  fs.readSync = read;
  const machine = [process.versions.v8.split('-')[0], process.platform, process.arch].join('-');
  writeFileSync(`${file}.${machine}`, script.createCachedData());
}

function inputs() {
  const call = (hook_event_name, tool_name, tool_input) => ({
    session_id: 'compiled',
    cwd: root,
    hook_event_name,
    tool_name,
    tool_input,
  });
  const edit = (file_path) => ({ file_path, old_string: 'a', new_string: 'b' });
  return [
    call('PreToolUse', 'Edit', edit(join(root, 'src/own.py'))),
    call('PreToolUse', 'Write', { file_path: join(root, 'src/held.py'), content: '' }),
    call('PostToolUse', 'Edit', edit(join(root, 'src/own.py'))),
    call('PostToolUse', 'Read', {}),
    { session_id: 'compiled', cwd: root, hook_event_name: 'Stop' },
  ];
}
