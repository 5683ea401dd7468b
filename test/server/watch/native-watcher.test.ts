import { realpathSync, renameSync, rmSync, symlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Kind } from '../../../protocol/index.js';
import { CheckedDirectories } from '../../../server/watch/checked-directories.js';
import { longPath, NativeWatcher, type WatchFunction } from '../../../server/watch/native-watcher.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const SWAPS: Readonly<Record<string, (repository: TemporaryRepository) => void>> = {
  'removed and made again': (repository) => {
    rmSync(repository.dir.of('task'), { recursive: true });
    repository.makeDirectory('task');
  },
  'moved aside, another in its place': (repository) => {
    renameSync(repository.dir.of('task'), join(repository.root, 'aside'));
    repository.makeDirectory('task');
  },
};

/** The moments just before and just after the kernel is asked to watch a directory. */
for (const moment of ['before', 'after'] as const) {
  for (const [name, swap] of Object.entries(SWAPS)) {
    t.test(`a directory that is ${name} just ${moment} the kernel is asked is watched`, async (t) => {
      const repository = new TemporaryRepository();
      const directories = new CheckedDirectories(repository.dir);
      directories.open();
      let swaps = 0;
      const watchPath: WatchFunction = (path, listener) => {
        const isTheMoment = path === directories.path('task') && swaps === 0;
        if (isTheMoment) swaps++;
        if (isTheMoment && moment === 'before') swap(repository);
        const handle = watch(path, { encoding: 'utf8' }, listener);
        if (isTheMoment && moment === 'after') swap(repository);
        return handle;
      };
      const watcher = new NativeWatcher(directories, watchPath);
      const hints: string[] = [];
      watcher.start({
        file: (kind: Kind, file: string) => hints.push(`${kind}/${file}`),
        directory: (kind: Kind) => hints.push(kind),
        ancestor: () => {
          directories.verify();
          watcher.verify();
        },
        notified: () => undefined,
        everything: () => undefined,
      });
      t.teardown(() => {
        watcher.stop();
        directories.close();
        repository.dispose();
      });
      t.equal(swaps, 1);
      // Writes until a hint arrives. A write right after the swap is found by the scan that the hints request.
      await until('a write in the new directory gives a hint', () => {
        repository.rename('task', 'after', { n: hints.length });
        return hints.includes('task/after.json');
      });
      t.ok(watcher.isHealthy);
    });
  }
}

t.test('on Windows a path with a short name is watched by its long one', async (t) => {
  const repository = TemporaryRepository.for(t);
  const short = join(repository.root, 'REPOSI~1');
  symlinkSync(repository.dir.muse, short);
  t.equal(longPath(short, 'win32'), realpathSync(repository.dir.muse));
  t.equal(longPath(short, 'linux'), short);
  t.equal(longPath(join(short, 'none'), 'win32'), join(short, 'none'), 'what is wrong with it is for the watch to say');
});
