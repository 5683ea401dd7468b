import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect } from '../../../client/sdk/index.js';
import {
  BusServer,
  LockError,
  renewToken,
  systemClock,
  type Clock,
  type ServerOptions,
} from '../../../server/index.js';
import { findEndpoint, stateLocation } from '../../../server/repository/index.js';
import { Command, MUSE_BUS } from '../../support/command.js';
import { LogLines } from '../../support/running-server.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const NOBODY = 65_534;

/** The system's clock, on which checks that run each second run every 10 ms. */
const hurried: Clock = { ...systemClock, after: (ms, call) => systemClock.after(ms === 1_000 ? 10 : ms, call) };

/** Removes a repository and its state after the test. */
function removedAfter(t: Test, root: string): void {
  const { path } = stateLocation(root);
  t.teardown(() => {
    for (const each of [root, path]) rmSync(each, { recursive: true, force: true });
  });
}

/** Serves a path until the end of the test, or until the test stops the server. */
async function serve(t: Test, root: string, options: Partial<ServerOptions> = {}, clock: Clock = systemClock) {
  const log = new LogLines();
  const server = new BusServer({ root, port: 0, log, ...options }, clock);
  t.teardown(() => server.stop());
  await server.start();
  return { server, log, epoch: server.bus.hub.epoch };
}

async function epochOf(t: Test, root: string): Promise<string> {
  const { server, epoch } = await serve(t, root);
  await until('the journal is kept', () => server.bus.journalHealth === 'durable');
  await server.stop();
  return epoch;
}

const endpointIn = (bus: string): unknown => JSON.parse(readFileSync(join(bus, 'endpoint.json'), 'utf8'));

t.test('a repository that is moved keeps its journal and its token', async (t) => {
  const repository = TemporaryRepository.for(t);
  const epoch = await epochOf(t, repository.root);
  const token = readFileSync(join(repository.state, 'token'), 'utf8');
  const moved = `${repository.root}-moved`;
  renameSync(repository.root, moved);
  removedAfter(t, moved);
  t.equal(await epochOf(t, moved), epoch);
  t.equal(readFileSync(join(stateLocation(moved).path, 'token'), 'utf8'), token);
  t.notOk(existsSync(repository.state));
});

t.test('a copy begins anew, and the original goes on', async (t) => {
  const repository = TemporaryRepository.for(t);
  const epoch = await epochOf(t, repository.root);
  const copy = `${repository.root}-copy`;
  cpSync(repository.root, copy, { recursive: true, preserveTimestamps: true });
  removedAfter(t, copy);
  t.not(await epochOf(t, copy), epoch);
  t.equal(await epochOf(t, repository.root), epoch);
});

t.test('a clone at the path of a moved repository has new state, and the moved one finds its own', async (t) => {
  const repository = TemporaryRepository.for(t);
  const epoch = await epochOf(t, repository.root);
  const moved = `${repository.root}-moved`;
  renameSync(repository.root, moved);
  mkdirSync(repository.dir.coordination, { recursive: true });
  removedAfter(t, moved);
  t.not(await epochOf(t, repository.root), epoch);
  t.equal(await epochOf(t, moved), epoch);
});

t.test('git clean -fdx between two runs loses nothing', async (t) => {
  const repository = TemporaryRepository.for(t);
  const epoch = await epochOf(t, repository.root);
  const marker = readFileSync(join(repository.bus, 'id'), 'utf8');
  rmSync(repository.bus, { recursive: true });
  t.equal(await epochOf(t, repository.root), epoch);
  t.equal(readFileSync(join(repository.bus, 'id'), 'utf8'), marker);
});

t.test('git clean -fdx while a server runs: endpoint, marker and lock are recreated, and rotation works', async (t) => {
  const repository = TemporaryRepository.for(t);
  const { server } = await serve(t, repository.root, {}, hurried);
  const marker = readFileSync(join(repository.bus, 'id'), 'utf8');
  rmSync(repository.bus, { recursive: true });
  await until('the endpoint is there again', () => existsSync(join(repository.bus, 'endpoint.json')));
  t.same(endpointIn(repository.bus), server.endpoint);
  t.equal(readFileSync(join(repository.bus, 'id'), 'utf8'), marker);
  await t.rejects(new BusServer({ root: repository.root, port: 0 }).start(), LockError, 'no other server can start');

  for (const lost of ['endpoint.json', 'id', 'lock']) {
    rmSync(join(repository.bus, lost));
    await until(`${lost} is there again`, () => existsSync(join(repository.bus, lost)));
  }
  writeFileSync(join(repository.bus, 'endpoint.json'), '{"url":"ws://127.0.0.1:1"}');
  await until('the endpoint is ours again', () => 'token' in (endpointIn(repository.bus) as object));

  const token = await renewToken(repository.root);
  await server.reload();
  t.equal((endpointIn(repository.bus) as { token: string }).token, token);
});

t.test(
  'private state that is removed while a server runs is recreated, and the journal is written again',
  async (t) => {
    const repository = TemporaryRepository.for(t);
    const soon: Clock = { ...systemClock, after: (ms, call) => systemClock.after(ms >= 1_000 ? ms / 100 : ms, call) };
    const { server, epoch } = await serve(t, repository.root, {}, soon);
    const { token } = server.endpoint!;
    repository.rename('task', 'a', { title: 'a' });
    await until('the journal is kept', () => server.bus.hub.revision === 1 && server.bus.journalHealth === 'durable');
    rmSync(repository.state, { recursive: true });
    await until('the endpoint is there again', () => existsSync(join(repository.state, 'endpoint.json')));
    t.equal(readFileSync(join(repository.state, 'token'), 'utf8').trim(), token);
    repository.rename('task', 'b', { title: 'b' });
    await until('a header is there again', () => existsSync(join(repository.state, 'journal', 'header.json')));
    await until('it is durable again', () => server.bus.journalHealth === 'durable');
    await server.stop();
    t.equal(await epochOf(t, repository.root), epoch);
  },
);

t.test(
  'rotation leaves a running server its state, also where the repository looks like another one by now',
  async (t) => {
    const repository = TemporaryRepository.for(t);
    const { server, log } = await serve(t, repository.root, {}, hurried);
    // Over some mounts a directory has another inode in each process.
    const record = join(repository.state, 'repository.json');
    writeFileSync(record, readFileSync(record, 'utf8').replace(/("inode": "\d+)/, '$11'));
    const token = await renewToken(repository.root);
    t.equal(readFileSync(server.tokenFile, 'utf8').trim(), token);
    await server.reload();
    t.equal(server.endpoint?.token, token);
    t.notOk(log.has('made again'), 'nothing was set aside');
  },
);

t.test('a server whose lock was removed, and taken by another server, reports that it must end', async (t) => {
  const repository = TemporaryRepository.for(t);
  const looks: (() => void)[] = [];
  const held: Clock = {
    ...systemClock,
    after: (ms, call) => (ms === 1_000 ? (looks.push(call), () => undefined) : systemClock.after(ms, call)),
  };
  const { server, log } = await serve(t, repository.root, {}, held);
  rmSync(repository.bus, { recursive: true });
  // Two homes, as in two containers that share the checkout: each has its own state, but they share the lock in the repository.
  const second = new BusServer({ root: repository.root, port: 0, stateDir: join(repository.root, 'other-state') });
  t.teardown(() => second.stop());
  await second.start();
  for (const look of looks.splice(0)) look();
  const error = await server.repositoryTaken;
  t.equal(error.name, 'LockError');
  t.match(error.message, /served already by process/);
  await until('it is said', () => log.has('another server has taken the repository'));
  await server.stop();
  t.same(endpointIn(repository.bus), second.endpoint, 'and what the other has published stays');
});

t.test('the lock in the repository separates containers that share the files but not the home', async (t) => {
  const repository = TemporaryRepository.for(t);
  await serve(t, repository.root);
  const second = new BusServer({ root: repository.root, port: 0, stateDir: join(repository.root, 'other-state') });
  await t.rejects(second.start(), { name: 'LockError', message: /served already by process \d+ at ws:/ });
});

t.test('each worktree has state of its own', async (t) => {
  const repository = TemporaryRepository.for(t);
  const worktree = join(repository.root, 'worktree');
  mkdirSync(join(worktree, '.muse'), { recursive: true });
  removedAfter(t, worktree);
  const one = await serve(t, repository.root);
  const other = await serve(t, worktree);
  t.not(one.server.endpoint?.token, other.server.endpoint?.token);
  t.not(one.epoch, other.epoch);
});

t.test('after an unclean end there is a new token; after an orderly stop the token stays', async (t) => {
  const repository = TemporaryRepository.for(t);
  const first = await serve(t, repository.root);
  const { token } = first.server.endpoint!;
  await first.server.stop();
  const second = await serve(t, repository.root);
  t.equal(second.server.endpoint?.token, token);
  const left = readFileSync(join(repository.state, 'endpoint.json'), 'utf8');
  await second.server.stop();
  // The state that kill -9 leaves.
  writeFileSync(join(repository.state, 'endpoint.json'), left, { mode: 0o600 });
  const third = await serve(t, repository.root);
  t.not(third.server.endpoint?.token, token);
});

t.test('a repository on a read-only mount is served, and found by its user', async (t) => {
  const repository = TemporaryRepository.for(t);
  repository.rename('task', 'a', { title: 'a' });
  try {
    execFileSync('mount', ['--bind', repository.root, repository.root], { stdio: 'ignore' });
  } catch {
    t.comment('mounting needs a privilege');
    return;
  }
  t.teardown(() => execFileSync('umount', ['-l', repository.root]));
  execFileSync('mount', ['-o', 'remount,ro,bind', repository.root]);
  const { server, log } = await serve(t, repository.root);
  t.notOk(existsSync(repository.bus));
  t.equal(log.lines.filter((line) => line.includes('the repository cannot be written to')).length, 1);
  const found = findEndpoint(repository.root);
  t.match(found, { is: 'living', path: join(repository.state, 'endpoint.json') });
  const client = await connect({ root: repository.root });
  const mirror = await client.mirror();
  t.equal(mirror.get('task', 'a')?.data['title'], 'a');
  await client.close();
  await server.stop();
  t.equal(findEndpoint(repository.root).is, 'none');
});

t.test('the lock is a file of this user’s alone: there is no name that another user could hold', async (t) => {
  const repository = TemporaryRepository.for(t);
  await serve(t, repository.root);
  t.equal(statSync(repository.bus).mode & 0o777, 0o700);
  t.equal(statSync(join(repository.bus, 'lock')).mode & 0o777, 0o600);
  if (process.platform === 'linux') t.notMatch(readFileSync('/proc/net/unix', 'utf8'), new RegExp(`@muse-bus`));
});

t.test(
  'of two users on one machine, the second has its own server, and the endpoint file of the first stays unchanged',
  { skip: process.getuid?.() === 0 ? false : 'needs root to run as another user' },
  async (t) => {
    const repository = TemporaryRepository.for(t);
    chmodSync(repository.root, 0o755);
    const { server } = await serve(t, repository.root);
    const home = join(repository.root, 'home');
    mkdirSync(home);
    chownSync(home, NOBODY, NOBODY);
    const asNobody = (...args: string[]) =>
      new Command('/usr/bin/setpriv', [
        ...[
          `--reuid=${String(NOBODY)}`,
          `--regid=${String(NOBODY)}`,
          '--clear-groups',
          '/usr/bin/env',
          '-u',
          'NODE_OPTIONS',
        ],
        ...[
          `HOME=${home}`,
          `XDG_STATE_HOME=${home}/state`,
          process.execPath,
          MUSE_BUS,
          ...args,
          '--root',
          repository.root,
        ],
      ]);
    const second = asNobody('serve', '--port', '0');
    t.teardown(() => {
      second.kill('SIGKILL');
    });
    await until('the second user serves', () => second.lines.some((line) => line.startsWith('Listening at')));
    t.match(second.errors.join('\n'), /the repository cannot be written to/);
    const [, url] = /Listening at (\S+);/.exec(second.lines.join('\n'))!;
    t.not(url, server.endpoint?.url);
    const doctor = asNobody('doctor', '--json');
    await doctor.exit;
    const found = doctor.json<{ check: string; state: string }>().find(({ check }) => check === 'server');
    t.equal(found?.state, 'ok', 'finds the server of its own user');
    t.same(endpointIn(repository.bus), server.endpoint, 'and the first user’s is as it was');
    second.kill('SIGTERM');
    t.equal(await second.exit, 0);
  },
);
