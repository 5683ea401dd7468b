import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Endpoint } from '../../../server/index.js';
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
