import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BusServer, LockError, type Endpoint } from '../../../server/index.js';
import { Command } from '../../support/command.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const START = ['--port', '0', '--log-level', 'silent'];

function served(t: Test): ServedRepository {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  return repository;
}

t.test(
  'a second server names the process that serves the repository and what to do, and changes nothing',
  async (t) => {
    const repository = served(t);
    const { url } = await repository.start();
    const before = readFileSync(repository.endpointFile, 'utf8');
    const second = new BusServer({ root: repository.root, port: 0 });
    const error: unknown = await second.start().catch((reason: unknown) => reason);
    t.ok(error instanceof LockError);
    t.match(error, { code: 'MUSE_BUS_LOCKED', holder: { pid: process.pid, url } });
    t.match((error as Error).message, /served already by process \d+ at ws:.*connect to that bus, or stop it/);
    t.equal(readFileSync(repository.endpointFile, 'utf8'), before);
  },
);

t.test('after a server has stopped, the next one can serve the repository', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  for (let i = 0; i < 3; i++) {
    const server = new BusServer({ root: repository.root, port: 0 });
    await server.start();
    await server.stop();
  }
  t.pass();
});

t.test('a server that could not start releases the repository', async (t) => {
  const repository = served(t);
  const { url } = await repository.start();
  const other = new TemporaryRepository();
  t.teardown(() => other.dispose());
  const failing = new BusServer({ root: other.root, port: Number(new URL(url).port) });
  await t.rejects(failing.start(), { code: 'EADDRINUSE' });
  const next = new BusServer({ root: other.root, port: 0 });
  await next.start();
  await next.stop();
});

t.test('each repository has its own lock, even if it is a copy of another', async (t) => {
  const first = served(t);
  await first.start();
  const second = served(t);
  await second.start();
  const copy = new TemporaryRepository();
  t.teardown(() => copy.dispose());
  const server = new BusServer({ root: copy.root, port: 0 });
  await server.start();
  await server.stop();
  writeFileSync(join(copy.bus, 'id'), readFileSync(join(first.bus, 'id')), { mode: 0o600 });
  await server.start();
  await server.stop();
  for (const name of ['id', 'lock']) t.equal(statSync(join(first.bus, name)).mode & 0o777, 0o600);
});

t.test('the lock of a server that was killed is free at once, and its endpoint counts as stale', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  const endpointFile = join(repository.bus, 'endpoint.json');
  for (let round = 0; round < 3; round++) {
    const command = Command.museBus(['serve', '--root', repository.root, ...START]);
    await until('it serves', () => command.lines.length > 0);
    const { pid } = JSON.parse(readFileSync(endpointFile, 'utf8')) as Endpoint;
    t.equal(pid, command.pid, 'the endpoint is the one of the server that lives');
    command.kill('SIGKILL');
    await command.exit;
  }
});

t.test('of twenty servers started at once exactly one serves, and the others exit with the reason', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  const all = Array.from({ length: 20 }, () => Command.museBus(['serve', '--root', repository.root, ...START]));
  const exited = new Set<Command>();
  await new Promise<void>((resolve) => {
    for (const command of all) void command.exit.then(() => exited.add(command).size === 19 && resolve());
  });
  const [winner] = all.filter((command) => !exited.has(command));
  await until('the one serves', () => winner!.lines.length > 0);
  for (const command of exited) {
    t.equal(await command.exit, 1);
    t.match(command.errors.join(' '), /this repository is served already by/);
  }
  winner!.kill('SIGTERM');
  t.equal(await winner!.exit, 0);
  t.notOk(existsSync(join(repository.bus, 'endpoint.json')));
});
