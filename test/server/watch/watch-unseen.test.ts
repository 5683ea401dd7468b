import t, { type Test } from 'tap';
import { systemClock, type ServerOptions } from '../../../server/index.js';
import { FaultyFiles } from '../../support/faulty-files.js';
import { inFuture } from '../../support/leases.js';
import { until } from '../../support/until.js';
import { WatchedRepository } from '../../support/watched-repository.js';

const SETTLE_MS = 30;
/** A short lease, but long enough for a test to act before its end. */
const LEASE_MS = 150;

function faulty(t: Test, options: Partial<ServerOptions> = {}) {
  const files = new FaultyFiles();
  const repository = new WatchedRepository('native', { settleMs: SETTLE_MS, ...options }, { files });
  t.teardown(() => {
    repository.stop();
  });
  return { repository, files, lease: (id: string) => repository.store.leases.state(id, systemClock.now()) };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (const code of ['EMFILE', 'ESTALE', 'EIO', 'EACCES']) {
  t.test(
    `${code}: a reservation that cannot be read at the start is a lease of unknown length until it can`,
    async (t) => {
      const { repository, files, lease } = faulty(t);
      repository.rename('reservation', 'r1', { run_id: 'a', expires_at: inFuture(60_000) });
      const heal = files.fail('open', /r1\.json$/, code);
      await repository.start();
      t.match(repository.store.get('reservation', 'r1'), { problem: 'unreadable', data: {} });
      t.equal(lease('r1'), 'unknown');
      heal();
      t.match(
        (await repository.untilTold('modified reservation/r1')).record.data,
        { run_id: 'a' },
        'found without a hint',
      );
      t.equal(lease('r1'), 'live');
      t.equal(repository.said.filter((line) => line.includes(code)).length, 1, 'said once');
    },
  );

  t.test(
    `${code}: a known reservation that cannot be read keeps its data, and does not expire until it can`,
    async (t) => {
      const { repository, files, lease } = faulty(t);
      // It has to be live when the watch begins, however long that takes.
      repository.rename('reservation', 'r1', { run_id: 'a', expires_at: inFuture(60_000) });
      await repository.start();
      const heal = files.fail('read', /r1\.json$/, code);
      repository.rename('reservation', 'r1', { run_id: 'a', expires_at: inFuture(LEASE_MS), n: 2 });
      const told = await repository.untilTold('modified reservation/r1 unreadable');
      t.match(told.record.data, { run_id: 'a', n: undefined });
      t.equal(lease('r1'), 'unknown');
      await pause(2 * LEASE_MS);
      t.same(repository.story, ['modified reservation/r1 unreadable']);
      heal();
      await repository.untilTold('expired reservation/r1');
      t.same(repository.story, [
        'modified reservation/r1 unreadable',
        'modified reservation/r1',
        'expired reservation/r1',
      ]);
    },
  );
}

t.test('an unreadable reservation can be removed', async (t) => {
  const { repository, files, lease } = faulty(t);
  repository.rename('reservation', 'r1', { expires_at: inFuture(60_000) });
  files.fail('read', /r1\.json$/, 'EIO');
  await repository.start();
  t.equal(lease('r1'), 'unknown');
  repository.remove('reservation', 'r1');
  await repository.untilTold('removed reservation/r1');
  t.equal(lease('r1'), undefined);
});

t.test('a reservation whose file is no record holds nothing, and has a problem', async (t) => {
  const { repository, lease } = faulty(t);
  repository.rename('reservation', 'torn', { expires_at: inFuture(60_000) });
  repository.rename('reservation', 'timeless', { run_id: 'a' });
  await repository.start();
  t.equal(lease('torn'), 'live');
  t.equal(lease('timeless'), 'none');
  repository.raw('reservation', 'torn', '{"expires_at":');
  await repository.untilTold('modified reservation/torn invalid-json');
  t.equal(lease('torn'), 'none');
  repository.rename('reservation', 'torn', { expires_at: inFuture(60_000) });
  await repository.untilTold('modified reservation/torn');
  t.equal(lease('torn'), 'live');
});

t.test(
  'while heartbeats/ cannot be listed, no lease ends; after that, the leases that were not extended end',
  async (t) => {
    const { repository, files } = faulty(t);
    for (const id of ['prolonged', 'over']) {
      repository.rename('reservation', id, { reservation_id: id, expires_at: inFuture(LEASE_MS) });
    }
    await repository.start();
    const heal = [files.fail('list', /heartbeats$/, 'EACCES'), files.fail('open', /heartbeats\//, 'EACCES')];
    repository.rename('heartbeat', 'h', { reservation_id: 'prolonged', extended_expires_at: inFuture(60_000) });
    await until('it is suspect', () => repository.watch.health.state === 'suspect');
    t.match(repository.watch.health, { healthy: false, why: /heartbeats/ });
    await pause(LEASE_MS + 600);
    t.notOk(repository.story.some((line) => line.startsWith('expired')));
    t.ok(
      repository.said.length <= 2,
      `logged at most once for the directory and once for files: ${repository.said.join()}`,
    );
    for (const end of heal) end();
    await repository.untilTold('expired reservation/over');
    t.notOk(repository.story.includes('expired reservation/prolonged'));
    await until('all is well', () => repository.watch.health.healthy);
  },
);

t.test('while heartbeats/ cannot be listed at the start, no lease ends', async (t) => {
  const { repository, files } = faulty(t);
  repository.rename('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: inFuture(60_000) });
  repository.rename('reservation', 'r', { expires_at: inFuture(LEASE_MS) });
  const heal = files.fail('list', /heartbeats$/, 'EMFILE');
  await repository.start();
  await until('it is suspect', () => repository.watch.health.state === 'suspect');
  await pause(LEASE_MS + 300);
  t.same(repository.story, []);
  heal();
  await repository.untilTold('added heartbeat/h');
  await until('all is well', () => repository.watch.health.healthy);
  t.same(repository.story, ['added heartbeat/h']);
});

t.test('a heartbeat that cannot be read keeps the lease that it last named, and no other', async (t) => {
  const { repository, files, lease } = faulty(t);
  for (const id of ['named', 'other']) {
    repository.rename('reservation', id, { reservation_id: id, expires_at: inFuture(2 * LEASE_MS) });
  }
  const beat = (ms: number): void => {
    repository.rename('heartbeat', 'h', { reservation_id: 'named', extended_expires_at: inFuture(ms) });
  };
  beat(2 * LEASE_MS);
  await repository.start();
  const heal = files.fail('open', /h\.json$/, 'EACCES');
  beat(60_000);
  await repository.untilTold('modified heartbeat/h unreadable');
  t.equal(lease('named'), 'live');
  await repository.untilTold('expired reservation/other');
  t.equal(lease('named'), 'unknown');
  heal();
  await repository.untilTold('modified heartbeat/h');
  t.equal(lease('named'), 'live');
});

t.test('a heartbeat that was never read may belong to any lease: none ends until it is read or removed', async (t) => {
  const { repository, files } = faulty(t);
  repository.rename('reservation', 'r', { expires_at: inFuture(LEASE_MS) });
  files.fail('read', /h\.json$/, 'EIO');
  repository.rename('heartbeat', 'h', { reservation_id: 'x', extended_expires_at: inFuture(60_000) });
  await repository.start();
  await until('it is suspect', () => repository.watch.health.state === 'suspect');
  t.match(repository.watch.health.why, /heartbeats\/h\.json cannot be read/);
  await pause(LEASE_MS);
  t.same(repository.story, []);
  repository.remove('heartbeat', 'h');
  await repository.untilTold('expired reservation/r');
  t.same(repository.story, ['removed heartbeat/h', 'expired reservation/r']);
});
