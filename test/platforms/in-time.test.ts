import {
  closeSync,
  copyFileSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FileSystem } from '../../server/repository/index.js';
import { PollingWatcher } from '../../server/watch/polling-watcher.js';
import { NativeWatcher, type WatchFunction } from '../../server/watch/native-watcher.js';
import type { Mechanism } from '../../server/watch/completeness.js';
import { ManualClock } from '../support/manual-clock.js';
import { WatchedRepository } from '../support/watched-repository.js';
import { PLATFORMS as EMULATED } from './emulated-watch.js';

/** The default of `--poll-interval`. */
const POLL_MS = 500;
/** Turns of the loop in which all work of one moment is done. */
const TURNS = 10;
const ROUNDS = 8;
/** Within which a directory that is removed or made is told, with what is in it. */
const DIRECTORY_MS = 2_000;
/** The clock is turned by so many parts of a bound. */
const PARTS = 20;

const silent: WatchFunction = (path) => watch(path, () => undefined);
const on =
  (mechanism: Mechanism, fileSystem: FileSystem) =>
  (...[, directories]: readonly [unknown, ConstructorParameters<typeof NativeWatcher>[0]]) =>
    Promise.resolve(new NativeWatcher(directories, silent, mechanism, fileSystem));

/**
 * Where every hint is lost, or none is given. `entryMs`: within which a record that is renamed in, moved or removed is told. `inPlaceMs`: one that
 * is written in place.
 */
const PLATFORMS = {
  'macOS whose hints are lost': { choose: on('FSEvents', { is: 'unreported' }), entryMs: 20, inPlaceMs: 1_000 },
  'a mount that may be remote': {
    choose: on('inotify', { is: 'layered', name: 'overlay' }),
    entryMs: 1_000,
    inPlaceMs: 1_000,
  },
  'a disk of which the system tells nothing': {
    choose: on('ReadDirectoryChangesW', { is: 'unreported' }),
    entryMs: 1_000,
    inPlaceMs: 1_000,
  },
  'a mount that other systems write, polled': {
    choose: () => Promise.resolve(new PollingWatcher({ is: 'shared', name: 'FUSE' })),
    entryMs: 1_000,
    inPlaceMs: 1_000,
  },
} as const;

/** The clock of the repository, whose files have the times of the real one. */
function clockOfFiles(): ManualClock {
  const clock = new ManualClock();
  clock.setWallClock(Date.now() - clock.now());
  return clock;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
}

/** Turns the clock until something is so. @returns the milliseconds until then. */
async function passed(clock: ManualClock, boundMs: number, isSo: () => boolean): Promise<number> {
  for (let ms = 0; ms <= 2 * boundMs; ms += boundMs / PARTS) {
    await settled();
    if (isSo()) return ms;
    clock.advance(boundMs / PARTS);
  }
  return Infinity;
}

async function repositoryWith(
  t: Test,
  platform: keyof typeof PLATFORMS,
  clock: ManualClock,
): Promise<WatchedRepository> {
  const { choose } = PLATFORMS[platform];
  const repository = new WatchedRepository('native', { pollIntervalMs: POLL_MS }, { clock, choose });
  t.teardown(() => {
    repository.stop();
  });
  await repository.start();
  return repository;
}

for (const [name, { entryMs, inPlaceMs }] of Object.entries(PLATFORMS)) {
  t.test(
    `${name}: each change is told within ${String(entryMs)} ms, in place within ${String(inPlaceMs)} ms`,
    async (t) => {
      const clock = clockOfFiles();
      const repository = await repositoryWith(t, name as keyof typeof PLATFORMS, clock);
      const { store, dir } = repository;
      const late: string[] = [];
      const check = (what: string, ms: number, boundMs: number): void => {
        if (ms > boundMs) late.push(`${what} after ${String(ms)} ms`);
      };
      for (let n = 0; n < ROUNDS; n++) {
        const [id, moved] = [`t${String(n)}`, `m${String(n)}`];
        // At another moment between two looks each time.
        clock.advance(7 * n);
        await settled();
        repository.rename('task', id, {});
        check('a new record', await passed(clock, entryMs, () => store.get('task', id) !== undefined), entryMs);
        renameSync(dir.file('task', id), dir.file('task', moved));
        const isMoved = (): boolean => !store.get('task', id) && store.get('task', moved) !== undefined;
        check('a record that is moved', await passed(clock, entryMs, isMoved), entryMs);
        repository.remove('task', moved);
        check('a removal', await passed(clock, entryMs, () => store.count('task') === 0), entryMs);
      }
      repository.rename('claim', 'c', { n: 1 });
      check('a new record', await passed(clock, entryMs, () => store.get('claim', 'c') !== undefined), entryMs);
      const isWritten = (n: number) => (): boolean => store.get('claim', 'c')?.data['n'] === n;
      repository.inPlace('claim', 'c', { n: 2 });
      check('a write in place', await passed(clock, inPlaceMs, isWritten(2)), inPlaceMs);
      // Longer ago than a comparison doubts a time, which is then the same as before.
      const longAgo = new Date(clock.now() - 60_000);
      const past = repository.events.length;
      utimesSync(dir.file('claim', 'c'), longAgo, longAgo);
      await passed(clock, inPlaceMs, () => repository.events.length > past);
      repository.inPlace('claim', 'c', { n: 3 });
      utimesSync(dir.file('claim', 'c'), longAgo, longAgo);
      check('a write in place that sets its time back', await passed(clock, inPlaceMs, isWritten(3)), inPlaceMs);
      repository.removeDirectory('claim');
      check(
        'the removal of a directory',
        await passed(clock, DIRECTORY_MS, () => store.count('claim') === 0),
        DIRECTORY_MS,
      );
      repository.makeDirectory('claim');
      repository.rename('claim', 'again', {});
      check('a directory', await passed(clock, DIRECTORY_MS, () => store.count('claim') === 1), DIRECTORY_MS);
      t.same(late, []);
    },
  );
}

/** Ways of writing a text of the same length to a file. @param aside the path of another file. */
const WRITERS: Readonly<Record<string, (file: string, text: string, aside: string) => void>> = {
  'renamed over it': (file, text, aside) => {
    writeFileSync(aside, text);
    renameSync(aside, file);
  },
  'written in place': (file, text) => {
    writeFileSync(file, text);
  },
  'written over without emptying it': (file, text) => {
    const opened = openSync(file, 'r+');
    writeSync(opened, text, 0);
    closeSync(opened);
  },
  'copied over it': (file, text, aside) => {
    writeFileSync(aside, text);
    copyFileSync(aside, file);
  },
  'written through another name': (file, text, aside) => {
    rmSync(aside, { force: true });
    linkSync(file, aside);
    writeFileSync(aside, text);
  },
};

for (const name of ['a share that keeps whole seconds', 'a mount with other inodes at each look'])
  t.test(`${name}, polled: what is written again within a second is told, in whatever way`, async (t) => {
    const clock = clockOfFiles();
    const choose = PLATFORMS['a mount that other systems write, polled'].choose;
    const { files, fileSystem } = EMULATED[name]!;
    t.equal(fileSystem.is, 'shared');
    const repository = new WatchedRepository('native', { pollIntervalMs: POLL_MS }, { clock, choose, files: files! });
    t.teardown(() => {
      repository.stop();
    });
    repository.rename('task', 't', { n: 0 });
    await repository.start();
    const late: string[] = [];
    const file = repository.dir.file('task', 't');
    for (const [way, write] of Object.entries(WRITERS))
      for (let n = 1; n <= 4; n++) {
        write(file, JSON.stringify({ n }), join(repository.root, 'aside'));
        utimesSync(file, clock.now() / 1_000, clock.now() / 1_000);
        const isPublished = (): boolean => repository.store.get('task', 't')?.data['n'] === n;
        if ((await passed(clock, 1_000, isPublished)) > 1_000) late.push(`${way}, ${String(n)}`);
      }
    t.same(late, []);
    t.equal(repository.events.length, 4 * Object.keys(WRITERS).length, 'each once');
  });
