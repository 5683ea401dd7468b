import { renameSync } from 'node:fs';
import t from 'tap';
import { completenessOf } from '../../../server/watch/completeness.js';
import type { HintSink, Watcher } from '../../../server/watch/watcher.js';
import { foldingFiles } from '../../support/folding-files.js';
import { BACKENDS, WatchedRepository } from '../../support/watched-repository.js';

for (const backend of BACKENDS) {
  t.test(
    `${backend}: on a file system that folds case, a record has only the name that its directory lists`,
    async (t) => {
      const repository = new WatchedRepository(backend, {}, { files: foldingFiles(backend === 'native') });
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
      renameSync(repository.dir.file('task', 'known'), repository.dir.file('task', 'Known'));
      await repository.untilTold('removed task/known');
      t.same(repository.story, [...told, 'added task/Known', 'removed task/known']);
      repository.remove('task', 'Known');
      await repository.untilTold('removed task/Known');
    },
  );
}

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
  t.same(repository.story, ['added task/listed']);
});
