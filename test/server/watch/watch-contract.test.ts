import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { KINDS } from '../../../protocol/index.js';
import type { ServerOptions } from '../../../server/index.js';
import { until } from '../../support/until.js';
import { BACKENDS, WatchedRepository, type Backend } from '../../support/watched-repository.js';

async function watched(t: Test, backend: Backend, options: Partial<ServerOptions> = {}): Promise<WatchedRepository> {
  const repository = new WatchedRepository(backend, options);
  t.teardown(() => {
    repository.stop();
  });
  await repository.start();
  return repository;
}

for (const backend of BACKENDS) {
  t.test(`${backend}: a record that is renamed in, replaced and removed`, async (t) => {
    const repository = await watched(t, backend);
    repository.rename('task', 't1', { n: 1 });
    t.same((await repository.untilTold('added task/t1')).record.data, { n: 1 });
    repository.rename('task', 't1', { n: 2 });
    t.same((await repository.untilTold('modified task/t1')).record.data, { n: 2 });
    repository.remove('task', 't1');
    t.same((await repository.untilTold('removed task/t1')).record.data, { n: 2 }, 'with the last data');
    t.equal(repository.story.length, 3);
  });

  t.test(`${backend}: a record that is written in place`, async (t) => {
    const repository = await watched(t, backend);
    repository.inPlace('intent', 'i1', { n: 1 });
    await repository.untilTold('added intent/i1');
    repository.inPlace('intent', 'i1', { n: 2 });
    await until('the second state is seen', () => repository.store.get('intent', 'i1')?.data['n'] === 2);
    t.same(repository.story, ['added intent/i1', 'modified intent/i1']);
  });

  t.test(`${backend}: a record that existed before is loaded, and its changes are published`, async (t) => {
    const repository = new WatchedRepository(backend);
    t.teardown(() => {
      repository.stop();
    });
    repository.rename('claim', 'c1', { n: 1 });
    await repository.start();
    t.same(repository.store.get('claim', 'c1')?.data, { n: 1 });
    repository.remove('claim', 'c1');
    await repository.untilTold('removed claim/c1');
  });

  t.test(`${backend}: a torn write that is completed in time is not published, and causes no removal`, async (t) => {
    const repository = await watched(t, backend, { settleMs: 10_000 });
    repository.inPlace('task', 't1', { n: 1 });
    await repository.untilTold('added task/t1');
    repository.raw('task', 't1', '{"n":');
    await repository.watch.readNow({ kind: 'task', id: 't1' });
    repository.raw('task', 't1', '');
    await repository.watch.readNow({ kind: 'task', id: 't1' });
    t.same(repository.store.get('task', 't1')?.data, { n: 1 }, 'the last good data stays');
    repository.inPlace('task', 't1', { n: 2 });
    t.same((await repository.untilTold('modified task/t1')).record.data, { n: 2 });
    t.same(repository.story, ['added task/t1', 'modified task/t1']);
  });

  t.test(
    `${backend}: a file that stays broken is published once, with its problem, and again when it is repaired`,
    async (t) => {
      const repository = await watched(t, backend, { settleMs: 30 });
      repository.rename('task', 'known', { n: 1 });
      await repository.untilTold('added task/known');
      repository.raw('task', 'known', 'no JSON');
      repository.raw('task', 'new', '[1]');
      t.same((await repository.untilTold('modified task/known invalid-json')).record.data, { n: 1 });
      t.same((await repository.untilTold('added task/new not-an-object')).record.data, {});
      for (const id of ['known', 'new']) await repository.watch.readNow({ kind: 'task', id });
      await repository.watch.readNow(undefined);
      t.equal(repository.story.length, 3, 'not again');
      repository.rename('task', 'known', { n: 2 });
      t.equal((await repository.untilTold('modified task/known')).record.problem, undefined);
    },
  );

  t.test(`${backend}: files that are no records are ignored`, async (t) => {
    const repository = await watched(t, backend);
    const directory = repository.dir.of('task');
    for (const name of ['.json', '.x.json', 'x.json~', 'x.tmp', 'x', 'x.JSON', 'a\nb.json', 'a\u202eb.json']) {
      writeFileSync(join(directory, name), '{}');
    }
    repository.rename('task', 'last', {});
    await repository.untilTold('added task/last');
    await repository.watch.readNow(undefined);
    t.same(repository.story, ['added task/last']);
  });

  t.test(`${backend}: a file that must not be read is published with its problem`, async (t) => {
    const repository = await watched(t, backend, { settleMs: 0, limits: { maxRecordBytes: 1_000 } });
    symlinkSync('/dev/zero', repository.dir.file('task', 'link'));
    await repository.untilTold('added task/link link');
    mkdirSync(repository.dir.file('task', 'directory'));
    await repository.untilTold('added task/directory not-a-file');
    repository.raw('task', 'large', ' '.repeat(1_001));
    await repository.untilTold('added task/large too-large');
  });

  t.test(`${backend}: the records of a removed directory are removed, and a new directory is found`, async (t) => {
    const repository = await watched(t, backend);
    repository.rename('task', 't1', {});
    repository.rename('claim', 'c1', {});
    await repository.untilTold('added task/t1');
    await repository.untilTold('added claim/c1');
    repository.removeDirectory('task');
    await repository.untilTold('removed task/t1');
    repository.makeDirectory('task');
    repository.rename('task', 't2', {});
    await repository.untilTold('added task/t2');
    repository.rename('task', 't2', { n: 2 });
    await repository.untilTold('modified task/t2');
    t.ok(repository.watch.health.healthy);
    t.ok(repository.store.get('claim', 'c1'));
  });

  t.test(`${backend}: a directory that is replaced by another is found again`, async (t) => {
    const repository = await watched(t, backend);
    repository.rename('task', 'old', {});
    await repository.untilTold('added task/old');
    const other = join(repository.root, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'new.json'), '{}');
    renameSync(repository.dir.of('task'), join(repository.root, 'aside'));
    renameSync(other, repository.dir.of('task'));
    await repository.untilTold('removed task/old');
    await repository.untilTold('added task/new');
    repository.rename('task', 'new', { n: 2 });
    await repository.untilTold('modified task/new');
  });

  t.test(`${backend}: a directory that is removed and recreated at once is found again`, async (t) => {
    const repository = await watched(t, backend);
    for (let round = 0; round < 5; round++) {
      repository.replaceDirectory('task');
      const from = repository.events.length;
      repository.rename('task', 't1', { round });
      await repository.untilTold('added task/t1', from);
      repository.remove('task', 't1');
      await repository.untilTold('removed task/t1', from);
    }
  });

  t.test(`${backend}: a renamed record is added under its new name before the old one is removed`, async (t) => {
    const repository = await watched(t, backend);
    let name = 'r0';
    repository.rename('task', name, { n: 1 });
    await repository.untilTold('added task/r0');
    repository.published = () => {
      if (repository.store.count('task') === 0) t.fail('none is known');
    };
    for (let round = 1; round <= 10; round++) {
      const next = `r${String(round)}`;
      renameSync(repository.dir.file('task', name), repository.dir.file('task', next));
      await repository.untilTold(`removed task/${name}`);
      t.ok(repository.story.includes(`added task/${next}`), 'the new name is published first');
      name = next;
    }
  });

  t.test(`${backend}: two thousand files at once converge`, async (t) => {
    const repository = await watched(t, backend);
    for (let n = 0; n < 2_000; n++) repository.inPlace(KINDS[n % KINDS.length]!, String(n), { n });
    await until('all are seen', () => repository.store.size === 2_000);
    t.equal(new Set(repository.story).size, repository.story.filter((line) => line.startsWith('added')).length);
  });

  t.test(`${backend}: after a barrier everything that was written before it has been read`, async (t) => {
    const repository = await watched(t, backend);
    repository.rename('task', 't1', {});
    await repository.watch.readNow({ kind: 'task', id: 't1' });
    t.same(repository.story, ['added task/t1']);
    for (const kind of KINDS) repository.rename(kind, 'all', {});
    await repository.watch.readNow(undefined);
    t.equal(repository.story.length, 1 + KINDS.length);
  });
}

t.test('a lease ends on time, and a heartbeat delays its end', async (t) => {
  // Each waits for four seconds.
  t.jobs = BACKENDS.length;
  for (const backend of BACKENDS) {
    t.test(backend, async (t) => {
      const repository = await watched(t, backend);
      const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
      repository.rename('reservation', 'r1', { reservation_id: 'lease', expires_at: inMs(2_500) });
      repository.rename('reservation', 'r2', { expires_at: inMs(2_500) });
      await repository.untilTold('added reservation/r1');
      repository.rename('heartbeat', 'h', { reservation_id: 'lease', extended_expires_at: inMs(4_000) });
      const second = await repository.untilTold('expired reservation/r2');
      t.ok(second.time >= Date.parse(second.record.data['expires_at'] as string), 'not before its time');
      const first = await repository.untilTold('expired reservation/r1');
      t.ok(first.time >= Date.parse(repository.store.get('heartbeat', 'h')?.data['extended_expires_at'] as string));
    });
  }
});
