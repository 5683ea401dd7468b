import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { KINDS } from '../../../protocol/index.js';
import { silentLog, type ServerOptions } from '../../../server/index.js';
import type { IdentityState } from '../../../server/repository/index.js';
import { CheckedDirectories } from '../../../server/watch/checked-directories.js';
import { systemFiles } from '../../../server/watch/files.js';
import { WatchState, type RepositoryGoneError } from '../../../server/watch/watch-state.js';
import { ManualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';
import { BACKENDS, WatchedRepository, type Backend } from '../../support/watched-repository.js';

/** A repository with one record of each kind, and a directory outside of it with foreign records. */
async function watched(t: Test, backend: Backend, options: Partial<ServerOptions> = {}) {
  const repository = new WatchedRepository(backend, options);
  t.teardown(() => {
    repository.stop();
    rmSync(outside, { recursive: true, force: true });
  });
  const outside = `${repository.root}-outside`;
  mkdirSync(outside);
  for (const kind of KINDS) repository.rename(kind, 'own', { run_id: 'own' });
  await repository.start();
  return { repository, outside };
}

type Case = (repository: WatchedRepository, outside: string) => { readonly path: string; readonly aside: string };

/** Ways to replace a directory by a link to foreign records. */
const LINKS: Readonly<Record<string, Case>> = {
  "a kind's directory": ({ dir }, outside) => linked(dir.of('task'), outside, outside),
  'coordination/': ({ dir }, outside) => linked(dir.coordination, outside, join(outside, 'tasks')),
  '.muse': ({ dir }, outside) => linked(dir.muse, outside, join(outside, 'coordination', 'tasks')),
  'the root': ({ dir }, outside) => linked(dir.root, outside, join(outside, '.muse', 'coordination', 'tasks')),
};

function linked(path: string, outside: string, records: string): { path: string; aside: string } {
  mkdirSync(records, { recursive: true });
  writeFileSync(join(records, 'foreign.json'), '{"run_id":"foreign"}');
  const aside = `${path}-aside`;
  renameSync(path, aside);
  symlinkSync(outside, path);
  return { path, aside };
}

for (const backend of BACKENDS) {
  for (const [name, replace] of Object.entries(LINKS)) {
    t.test(
      `${backend}: ${name} that becomes a link is not followed; its records stay until the directory is back`,
      async (t) => {
        const { repository, outside } = await watched(t, backend);
        const { path, aside } = replace(repository, outside);
        t.teardown(() => {
          rmSync(aside, { recursive: true, force: true });
        });
        await until('it is noticed', () => repository.watch.health.state !== 'watching');
        await repository.watch.readNow(undefined);
        await repository.watch.readNow({ kind: 'task', id: 'foreign' });
        const { healthy, why } = repository.watch.health;
        t.match({ healthy, why }, { healthy: false, why: /link|another repository/ });
        t.notMatch(why, repository.root, 'and does not say where the repository is');
        t.same(repository.story, [], 'no event is published for records that cannot be seen');
        t.ok(repository.store.get('task', 'own'));
        t.equal(repository.said.filter((line) => /seen|gone/.test(line)).length, 1, 'it is logged once');
        rmSync(path);
        renameSync(aside, path);
        repository.rename('task', 'own', { run_id: 'own', n: 2 });
        repository.rename('task', 'new', {});
        await repository.untilTold('modified task/own');
        await repository.untilTold('added task/new');
        t.same(
          repository.story.toSorted(),
          ['added task/new', 'modified task/own'],
          'the differences, and nothing else',
        );
        await until('all is well', () => repository.watch.health.healthy);
      },
    );
  }

  t.test(
    `${backend}: a repository that is moved away loses no record, and is watched again when it is back`,
    async (t) => {
      const { repository } = await watched(t, backend);
      const away = `${repository.root}-away`;
      renameSync(repository.root, away);
      await until('it is noticed', () => repository.watch.health.state === 'gone');
      await repository.watch.readNow(undefined);
      t.same(repository.story, []);
      t.type(repository.watch.health.since, 'number');
      rmSync(join(away, '.muse', 'coordination', 'claims', 'own.json'));
      renameSync(away, repository.root);
      await repository.untilTold('removed claim/own');
      t.same(repository.story, ['removed claim/own']);
      repository.rename('task', 'new', {});
      await repository.untilTold('added task/new');
      await until('all is well', () => repository.watch.health.healthy);
    },
  );

  t.test(`${backend}: a repository whose .muse is recreated or missing loses no record`, async (t) => {
    const { repository } = await watched(t, backend);
    const aside = `${repository.dir.muse}-aside`;
    renameSync(repository.dir.muse, aside);
    await until('it is noticed', () => repository.watch.health.state === 'gone');
    for (const kind of KINDS) mkdirSync(repository.dir.of(kind), { recursive: true });
    repository.rename('task', 'foreign', {});
    await repository.watch.readNow(undefined);
    t.match(repository.watch.health, { state: 'gone', why: /another repository/ });
    t.same(repository.story, []);
    rmSync(repository.dir.muse, { recursive: true });
    renameSync(aside, repository.dir.muse);
    await until('all is well', () => repository.watch.health.healthy);
    t.same(repository.story, []);
  });

  t.test(
    `${backend}: the watch gives up a repository that is removed file by file and does not come back`,
    async (t) => {
      const { repository } = await watched(t, backend, { goneAfterMs: 50 });
      const gone = new Promise<RepositoryGoneError>((resolve) => (repository.watch.gone = resolve));
      rmSync(repository.root, { recursive: true });
      t.match(await gone, { name: 'RepositoryGoneError', message: /has not come back within 0.05 s/ });
    },
  );

  t.test(`${backend}: the records of a coordination/ that is removed by hand are removed`, async (t) => {
    const { repository } = await watched(t, backend);
    rmSync(repository.dir.coordination, { recursive: true });
    await until('all events are published', () => repository.story.length === KINDS.length);
    t.equal(repository.watch.health.state, 'watching', 'its parent has been looked at: there is none');
    for (const kind of KINDS) mkdirSync(repository.dir.of(kind), { recursive: true });
    repository.rename('task', 'new', {});
    await repository.untilTold('added task/new');
  });

  t.test(`${backend}: a directory that is replaced by a file is unknown, not empty`, async (t) => {
    const { repository } = await watched(t, backend);
    renameSync(repository.dir.of('reservation'), join(repository.root, 'aside'));
    writeFileSync(repository.dir.of('reservation'), '');
    await until('it is noticed', () => repository.watch.health.state === 'suspect');
    await repository.watch.readNow(undefined);
    t.match(repository.watch.health, { healthy: false, why: '.muse/coordination/reservations is not a directory' });
    t.same(repository.story, []);
    rmSync(repository.dir.of('reservation'));
    await repository.untilTold('removed reservation/own');
    t.same(repository.story, ['removed reservation/own']);
  });
}

t.test('a repository in other directories is still watched if its identity is the same', async (t) => {
  const state: { presence: IdentityState } = { presence: 'same' };
  const repository = new WatchedRepository('native', {}, { identity: { check: () => state.presence } });
  t.teardown(() => {
    repository.stop();
  });
  repository.rename('task', 't1', {});
  await repository.start();
  state.presence = 'missing';
  rmSync(repository.dir.muse, { recursive: true });
  await until('it is noticed', () => repository.watch.health.state === 'gone');
  t.same(repository.story, []);
  for (const kind of KINDS) mkdirSync(repository.dir.of(kind), { recursive: true });
  repository.rename('task', 't2', {});
  state.presence = 'same';
  await repository.untilTold('added task/t2');
  await repository.untilTold('removed task/t1');
  repository.rename('task', 't3', {});
  await repository.untilTold('added task/t3');
});

t.test('a repository that cannot be checked is suspect, not gone: the server waits for it without limit', async (t) => {
  const state: { presence: IdentityState } = { presence: 'same' };
  const repository = new WatchedRepository('native', { goneAfterMs: 0 }, { identity: { check: () => state.presence } });
  t.teardown(() => {
    repository.stop();
  });
  repository.rename('task', 't1', {});
  await repository.start();
  let isGivenUp = false;
  repository.watch.gone = () => (isGivenUp = true);
  state.presence = 'unreadable';
  repository.remove('task', 't1');
  await until('it is noticed', () => repository.watch.health.state === 'suspect');
  await repository.watch.readNow(undefined);
  t.same(repository.story, []);
  state.presence = 'same';
  await repository.untilTold('removed task/t1');
  t.notOk(isGivenUp);
});

t.test('without paths through descriptors, the whole path is compared before and after each reading', async (t) => {
  const { repository, outside } = await watched(t, 'native');
  let swap: (() => void) | undefined;
  const files = {
    ...systemFiles,
    open: (path: string, flags: number) => {
      swap?.();
      swap = undefined;
      return systemFiles.open(path, flags);
    },
  };
  const directories = new CheckedDirectories(repository.dir, files, undefined, 'path');
  directories.open();
  const { RecordReader } = await import('../../../server/watch/record-reader.js');
  const services = { directories, maxBytes: 1_000, maxDepth: 32, admits: () => true, warn: () => undefined };
  const reader = new RecordReader(services);
  t.match(reader.read('task', 'own'), { is: 'present', data: { run_id: 'own' } });
  swap = () => linked(repository.dir.of('task'), outside, outside);
  t.same(reader.read('task', 'foreign'), { is: 'unseen' });
  t.same(reader.read('task', 'foreign'), { is: 'unseen' }, 'before it is opened');
  directories.verify();
  t.match(directories.stateOf('task'), { is: 'unknown', why: /symbolic link/ });
  t.equal(dirname(directories.path('claim')), repository.dir.coordination);
});

for (const elapsedInSleep of ['goes on', 'stands still'])
  t.test(
    `a repository that is gone when the machine sleeps has its time to come back after that: the monotonic clock ${elapsedInSleep}`,
    async (t) => {
      const clock = new ManualClock();
      let isGivenUp = false;
      const state = new WatchState(clock, silentLog, 60_000, () => (isGivenUp = true));
      state.found({ state: 'gone', why: 'no repository is at the path any more' });
      clock.advance(30_000);
      if (elapsedInSleep === 'goes on') clock.sleepThrough(3_600_000);
      else clock.setWallClock(3_600_000);
      clock.advance(59_999);
      t.notOk(isGivenUp);
      // Where the monotonic clock stood still, the sleep is noticed when the timer ends that began before it.
      clock.advance(elapsedInSleep === 'goes on' ? 1 : 30_001);
      t.ok(isGivenUp);
    },
  );
