import { renameSync } from 'node:fs';
import t from 'tap';
import { KINDS } from '../../../protocol/index.js';
import { completenessOf } from '../../../server/watch/completeness.js';
import type { HintSink, Watcher } from '../../../server/watch/watcher.js';
import { inFuture } from '../../support/leases.js';
import { foldingFiles } from '../../support/folding-files.js';
import { BACKENDS, WatchedRepository } from '../../support/watched-repository.js';

/** Whether the system returns the stored name of a file: macOS and Windows do. */
const SYSTEMS = BACKENDS.flatMap((backend) =>
  ([true, false] as const).map((saysNames) => ({
    backend,
    saysNames,
    name: `${backend}, ${saysNames ? 'where the system says names' : 'where only a listing does'}`,
  })),
);

for (const { backend, saysNames, name } of SYSTEMS) {
  t.test(
    `${name}: on a file system that folds case, a record has only the name that its directory lists`,
    async (t) => {
      const repository = new WatchedRepository(backend, {}, { files: foldingFiles(saysNames) });
      t.teardown(() => {
        repository.stop();
      });
      repository.rename('task', 'known', {});
      await repository.start();
      repository.rename('task', 'New', { n: 1 });
      await repository.untilTold('added task/New');
      // The same letter as one character, and as two.
      repository.rename('task', 'caf\u00e9', { n: 1 });
      await repository.untilTold('added task/caf\u00e9');
      for (const id of ['KNOWN', 'new', 'NEW', 'cafe\u0301', 'CAF\u00c9'])
        await repository.watch.readNow({ kind: 'task', id });
      const told = ['added task/New', 'added task/caf\u00e9'];
      t.same(repository.story, told, 'a request with another spelling publishes nothing');
      for (const kind of KINDS) {
        const time = inFuture(60_000);
        repository.rename(kind, 'Stra\u00dfe', { reservation_id: 'none', expires_at: time, extended_expires_at: time });
        told.push(`added ${kind}/Stra\u00dfe`);
        await repository.untilTold(told.at(-1)!);
        for (const id of ['STRASSE', 'strasse', 'STRA\u1e9eE']) await repository.watch.readNow({ kind, id });
      }
      repository.rename('claim', 'T\u0131tle', {});
      await repository.untilTold('added claim/T\u0131tle');
      told.push('added claim/T\u0131tle');
      await repository.watch.readNow({ kind: 'claim', id: 'TITLE' });
      t.same(repository.story, told, 'of no kind, whatever folds to the same name');
      renameSync(repository.dir.file('task', 'known'), repository.dir.file('task', 'Known'));
      await repository.watch.readNow({ kind: 'task', id: 'known' });
      t.same(
        repository.story,
        [...told, 'added task/Known', 'removed task/known'],
        'under its old name nothing is found',
      );
      for (const [from, to] of [
        ['Known', 'KNOWN'],
        ['KNOWN', 'Known'],
      ] as const) {
        renameSync(repository.dir.file('task', from), repository.dir.file('task', to));
        await repository.untilTold(`removed task/${from}`);
      }
      repository.remove('task', 'Known');
      await repository.untilTold('removed task/Known');
    },
  );
}

/** One name with its accent as one character, and as two. */
const [NFC, NFD] = ['caf\u00e9', 'cafe\u0301'] as const;

for (const { backend, saysNames, name } of SYSTEMS)
  t.test(
    `${name}: on a file system that folds the normal form alone, a record has the name that is listed`,
    async (t) => {
      const repository = new WatchedRepository(backend, {}, { files: foldingFiles(saysNames, 'normal form') });
      t.teardown(() => {
        repository.stop();
      });
      await repository.start();
      const told: string[] = [];
      for (const kind of KINDS) {
        const time = inFuture(60_000);
        repository.rename(kind, NFC, { reservation_id: 'none', expires_at: time, extended_expires_at: time });
        await repository.watch.readNow({ kind, id: NFD });
        await repository.untilTold(`added ${kind}/${NFC}`);
        await repository.watch.readNow({ kind, id: NFD });
        told.push(`added ${kind}/${NFC}`);
      }
      t.same(repository.story, told, 'a request in the other form publishes nothing');
      repository.rename('task', 'CAF\u00c9', {});
      told.push('added task/CAF\u00c9');
      await repository.untilTold(told.at(-1)!);
      renameSync(repository.dir.file('task', NFC), repository.dir.file('task', NFD));
      await repository.untilTold(`removed task/${NFC}`);
      told.push(`added task/${NFD}`, `removed task/${NFC}`);
      t.same(repository.story, told, 'case differs, and a rename is told under both names');
      repository.remove('task', NFD);
      await repository.untilTold(`removed task/${NFD}`);
    },
  );

t.test('a hint with another spelling is a hint for the listed name', async (t) => {
  let sink: HintSink | undefined;
  const watcher: Watcher = {
    mechanism: 'inotify',
    isHealthy: true,
    completeness: completenessOf('inotify', { is: 'local', name: 'ext4' }),
    start: (given) => {
      sink = given;
    },
    verify: () => undefined,
    stop: () => undefined,
  };
  const repository = new WatchedRepository('native', {}, { files: foldingFiles(true), watcher });
  t.teardown(() => {
    repository.stop();
  });
  await repository.start();
  repository.rename('task', 'listed', {});
  sink!.file('task', 'LISTED.json');
  await repository.untilTold('added task/listed');
  // HFS+ keeps every name decomposed, however it was given.
  repository.rename('task', NFD, {});
  sink!.file('task', `${NFC}.json`);
  await repository.untilTold(`added task/${NFD}`);
  t.same(repository.story, ['added task/listed', `added task/${NFD}`]);
});
