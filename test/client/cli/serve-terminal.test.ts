import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Endpoint } from '../../../server/index.js';
import { MUSE_BUS } from '../../support/command.js';
import { PseudoTerminal } from '../../support/pseudo-terminal.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

t.test('a server survives every SIGHUP except that of its own terminal', { skip: PseudoTerminal.skip }, async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  const terminal = PseudoTerminal.museBus(['serve', '--root', repository.root, '--port', '0']);
  t.teardown(() => terminal.kill());
  await until('it serves', () => terminal.screen.includes('Inspector'));
  const file = join(repository.bus, 'endpoint.json');
  const { pid, url } = JSON.parse(readFileSync(file, 'utf8')) as Pick<Endpoint, 'pid' | 'url'>;
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));

  process.kill(pid, 'SIGHUP');
  // The process receives the signal before it answers.
  const { status } = await fetch(`${url.replace(/^ws/, 'http')}/healthz`);
  t.equal(status, 200, 'somebody asks it to reload');

  terminal.kill();
  await until('it has ended', () => !isAlive(pid));
  t.notOk(existsSync(file), 'in order');
});

const FULL = '/dev/full';
const skip = existsSync(FULL) ? false : 'no device that is full';

t.test('a server goes on when its output and its log cannot be written', { skip }, async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  const full = openSync(FULL, 'w');
  t.teardown(() => {
    closeSync(full);
  });
  const args = [MUSE_BUS, 'serve', '--root', repository.root, '--port', '0'];
  const server = spawn(process.execPath, args, { stdio: ['ignore', full, full] });
  t.teardown(() => server.kill('SIGKILL'));
  const ended = new Promise((resolve) => server.on('exit', resolve));
  const file = join(repository.bus, 'endpoint.json');
  await until('it serves', () => existsSync(file));
  const { url } = JSON.parse(readFileSync(file, 'utf8')) as Pick<Endpoint, 'url'>;
  t.equal((await fetch(`${url.replace(/^ws/, 'http')}/healthz`)).status, 200);
  server.kill('SIGTERM');
  t.equal(await ended, 0, 'it ends in order, only when it is asked to');
  t.notOk(existsSync(file));
});

t.test('a command whose output cannot be written says so in one line', { skip }, async (t) => {
  const full = openSync(FULL, 'w');
  t.teardown(() => {
    closeSync(full);
  });
  const command = spawn(process.execPath, [MUSE_BUS, '--help'], { stdio: ['ignore', full, 'pipe'] });
  let said = '';
  command.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
  t.equal(await new Promise((resolve) => command.on('close', resolve)), 1);
  t.match(said, /^❌ the output cannot be written: .*ENOSPC.*\n$/);
});
