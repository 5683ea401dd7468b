import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { chooseWatcher } from '../../server/watch/choose-watcher.js';
import { fileSystemAt, fileSystemOf, leastReliable, type FileSystem } from '../../server/repository/index.js';
import { systemClock } from '../../server/runtime/clock.js';
import { silentLog } from '../../server/runtime/log.js';
import { CheckedDirectories } from '../../server/watch/checked-directories.js';
import { NativeWatcher } from '../../server/watch/native-watcher.js';
import { selfTest } from '../../server/watch/self-test.js';
import { PLATFORMS, type EmulatedPlatform } from './emulated-watch.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { until } from '../support/until.js';
import { shortOf, WatchedRepository } from '../support/watched-repository.js';

// Each test waits most of the time.
t.jobs = 3;

/** More than a busy machine adds, and less than the ten seconds of the slow clock. How soon it is exactly: in-time.test.ts. */
const SOON_MS = 3_000;

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** Writes a record in a directory as a program at the other end of a mount does. */
function write(directory: string, kind: Kind, id: string, data: unknown): void {
  const path = join(directory, KIND_DIRECTORIES[kind], `${id}.json`);
  writeFileSync(`${path}.tmp`, JSON.stringify(data));
  renameSync(`${path}.tmp`, path);
}

function repositoryOn({ mechanism, fileSystem, watch, files }: EmulatedPlatform): WatchedRepository {
  return new WatchedRepository(
    'native',
    { pollIntervalMs: 500 },
    {
      choose: (_choice, directories) => Promise.resolve(new NativeWatcher(directories, watch(), mechanism, fileSystem)),
      ...(files && { files }),
    },
  );
}

/** What every platform promises, whatever its notifications leave out. */
async function keepsItsPromises(t: Test, repository: WatchedRepository, elsewhere: string): Promise<void> {
  const { watch, store } = repository;
  const within = async (ms: number, what: string, isSo: () => boolean): Promise<void> => {
    const from = performance.now();
    await until(what, isSo);
    t.ok(performance.now() - from < ms, `${what} within ${String(ms)} ms`);
  };
  const endsAt = Date.now() + 800;
  write(elsewhere, 'task', 't1', { n: 1 });
  write(elsewhere, 'reservation', 'r', { reservation_id: 'lease', expires_at: new Date(endsAt).toISOString() });
  await within(SOON_MS, 'a record that is renamed in', () => store.get('reservation', 'r') !== undefined);
  await within(SOON_MS, 'another', () => store.get('task', 't1') !== undefined);
  await until('the lease is about to end', () => endsAt - Date.now() < 60);
  write(elsewhere, 'heartbeat', 'h', { reservation_id: 'lease', extended_expires_at: inMs(60_000) });
  // A busy machine may have written it too late.
  const isInTime = Date.now() < endsAt;
  await within(SOON_MS, 'a heartbeat just before the end', () => store.get('heartbeat', 'h') !== undefined);
  if (isInTime) t.notOk(repository.story.includes('expired reservation/r'), 'saves the lease');
  t.equal(watch.health.healthy, true);
}

for (const [name, platform] of Object.entries(PLATFORMS)) {
  t.test(
    `${name}: a change is told soon, a lease does not end before its heartbeat is read, a restart tells the rest`,
    { skip: process.platform !== 'linux' && 'emulated over inotify' },
    async (t) => {
      const repository = repositoryOn(platform);
      t.teardown(() => {
        repository.stop();
      });
      await repository.start();
      await keepsItsPromises(t, repository, repository.dir.coordination);
      renameSync(repository.dir.file('task', 't1'), repository.dir.file('task', 't2'));
      await until(
        'a renamed record is told',
        () => !repository.store.get('task', 't1') && repository.store.get('task', 't2') !== undefined,
      );
      // Nothing but a comparison can find that, and nothing says that hints are missing.
      if (name === 'a local disk without hints') return;
      // As long as before, and maybe at the same time.
      repository.inPlace('task', 't2', { n: 2 });
      await until('a write into a file is told', () => repository.store.get('task', 't2')?.data['n'] === 2);
      const past = repository.events.length;
      for (let n = 0; n < 40; n++) repository.rename('claim', `c${String(n)}`, { n });
      await until('a burst is told', () => repository.store.count('claim') === 40);
      await repository.watch.readNow(undefined);
      t.equal(repository.events.length - past, 40, 'each record once, and nothing of what nobody touched');
      repository.watch.stop();
      repository.remove('claim', 'c0');
      repository.rename('claim', 'c1', { n: 1, changed: true });
      repository.inPlace('task', 't2', { n: 3 });
      repository.rename('claim', 'c40', {});
      const since = await repository.restart();
      const expected = ['added claim/c40', 'modified claim/c1', 'modified task/t2', 'removed claim/c0'];
      t.same(since.map(shortOf).sort(), expected, 'a restart tells what has changed, and nothing else');
      t.same(repository.watch.health.misses, platform.misses, 'the health says what is missed');
      t.ok((repository.watch.health.compared_every_ms ?? 0) <= 500, 'what gives no hint is looked for twice a second');
    },
  );
}

t.test('this machine, as it is: the same', async (t) => {
  const repository = new WatchedRepository('auto');
  t.teardown(() => {
    repository.stop();
  });
  await repository.start();
  await keepsItsPromises(t, repository, repository.dir.coordination);
  repository.inPlace('task', 't1', { n: 2 });
  await until('a write into a file is told', () => repository.store.get('task', 't1')?.data['n'] === 2);
});

/** The reason to skip what mounts; `false` where this user may mount an overlay. */
const withoutMounts = ((): string | false => {
  const at = mkdtempSync(join(tmpdir(), 'muse-bus-mount-'));
  try {
    mount(at);
    execFileSync('umount', [join(at, 'merged')]);
    return false;
  } catch {
    return 'this user may not mount an overlay';
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
})();

/** Mounts an overlay of layers in a directory. */
function mount(layers: string, merged = join(layers, 'merged')): void {
  const at = (name: string): string => join(layers, name);
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(at(name), { recursive: true });
  const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged], { stdio: 'ignore' });
}

t.test(
  'a real overlay whose upper layer is written: nothing notifies, and everything is told',
  { skip: withoutMounts },
  async (t) => {
    const repository = new WatchedRepository('auto');
    mount(repository.root, repository.dir.coordination);
    t.teardown(() => {
      repository.watch.stop();
      execFileSync('umount', ['-l', repository.dir.coordination]);
      repository.stop();
    });
    for (const kind of KINDS) mkdirSync(repository.dir.of(kind));
    await repository.start();
    t.same(repository.watch.health.misses, ['other-end']);
    // What existed is not renamed below: the overlay keeps its own view of the names that it has looked up.
    await keepsItsPromises(t, repository, join(repository.root, 'upper'));
    writeFileSync(join(repository.root, 'upper', KIND_DIRECTORIES.task, 't1.json'), JSON.stringify({ n: 2 }));
    await until('a write in place is told', () => repository.store.get('task', 't1')?.data['n'] === 2);
  },
);

t.test(
  'a real overlay that is mounted on the directory of one kind while it is watched: the same there',
  { skip: withoutMounts },
  async (t) => {
    const repository = new WatchedRepository('auto');
    const { dir, root, store, watch } = repository;
    t.teardown(() => {
      watch.stop();
      execFileSync('umount', ['-l', dir.of('heartbeat')]);
      repository.stop();
    });
    await repository.start();
    const layers = join(root, 'layers');
    mkdirSync(layers);
    mount(layers, dir.of('heartbeat'));
    await until('it is seen', () => watch.health.misses?.includes('other-end') === true);
    const endsAt = Date.now() + 400;
    repository.rename('reservation', 'r', { reservation_id: 'lease', expires_at: new Date(endsAt).toISOString() });
    await until('it is about to end', () => store.get('reservation', 'r') !== undefined && endsAt - Date.now() < 60);
    const below = join(layers, 'upper', 'h.json');
    writeFileSync(`${below}.tmp`, JSON.stringify({ reservation_id: 'lease', extended_expires_at: inMs(60_000) }));
    renameSync(`${below}.tmp`, below);
    const isInTime = Date.now() < endsAt;
    await until('its heartbeat is told', () => store.get('heartbeat', 'h') !== undefined);
    if (isInTime) t.notOk(repository.story.includes('expired reservation/r'), 'and saves the lease');
  },
);

t.test(
  'a file system of an unknown type on the directory of one kind is polled',
  { skip: withoutMounts },
  async (t) => {
    const repository = TemporaryRepository.for(t);
    const directory = repository.dir.of('release');
    // The one of POSIX message queues: every kernel has it, and no list here.
    execFileSync('mount', ['-t', 'mqueue', 'none', directory]);
    const directories = new CheckedDirectories(repository.dir);
    directories.open();
    const said: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, text: string) => void said.push(text) };
    const watcher = await chooseWatcher('auto', directories, systemClock, log, 500);
    directories.close();
    execFileSync('umount', [directory]);
    t.equal(watcher.mechanism, 'polling');
    t.match(said, [/^it is not known who else writes on a file system of type 0x19800202; polling/]);
  },
);

t.test('of several file systems the least reliable decides, also one that comes later', async (t) => {
  const local: FileSystem = { is: 'local', name: 'ext4' };
  t.same(leastReliable(local, { is: 'shared', name: 'NFS' }, { is: 'unreported' }), { is: 'shared', name: 'NFS' });
  t.equal(leastReliable(local, local), local);
  const repository = TemporaryRepository.for(t);
  const directories = new CheckedDirectories(repository.dir);
  directories.open();
  let mounted: FileSystem = local;
  const at = (path: string): FileSystem => (path === directories.path('release') ? mounted : local);
  const watcher = new NativeWatcher(directories, PLATFORMS['inotify']!.watch(), 'inotify', local, at);
  t.teardown(() => {
    watcher.stop();
    directories.close();
  });
  const ignore = (): void => undefined;
  watcher.start({ file: ignore, directory: ignore, ancestor: ignore, notified: ignore, everything: ignore });
  t.equal(watcher.completeness.otherEnd, 'none');
  mounted = { is: 'shared', name: 'NFS' };
  repository.replaceDirectory('release');
  directories.verify();
  watcher.verify();
  t.equal(watcher.completeness.otherEnd, 'silent');
});

t.test(
  'FSEvents: the working tree stays out of the stream, and all is compared when the stream begins anew',
  async (t) => {
    const repository = TemporaryRepository.for(t);
    const directories = new CheckedDirectories(repository.dir);
    directories.open();
    const paths: string[] = [];
    const listen = PLATFORMS['FSEvents']!.watch();
    const watched = new NativeWatcher(
      directories,
      (path, listener) => (paths.push(path), listen(path, listener)),
      'FSEvents',
    );
    t.teardown(() => {
      watched.stop();
      directories.close();
    });
    const said: string[] = [];
    const ignore = (): void => undefined;
    watched.start({
      file: ignore,
      directory: ignore,
      ancestor: ignore,
      notified: ignore,
      everything: (why) => said.push(why),
    });
    const [root, muse, ...others] = directories.places.map(({ reach }) => reach!);
    t.same(paths, others, 'an installation of packages gives no hint');
    t.notOk(paths.includes(root!) || paths.includes(muse!));
    repository.replaceDirectory('claim');
    directories.verify();
    watched.verify();
    t.same(said, ['the stream of hints was restarted']);
  },
);

t.test('the self-test writes again until it is heard, and says what it has not heard', async (t) => {
  const repository = TemporaryRepository.for(t);
  const directories = new CheckedDirectories(repository.dir);
  directories.open();
  t.teardown(() => {
    directories.close();
  });
  const tested = (name: string): Promise<string | undefined> => {
    const { mechanism, fileSystem, watch } = PLATFORMS[name]!;
    return selfTest(new NativeWatcher(directories, watch(), mechanism, fileSystem), directories, systemClock);
  };
  // What is written before the stream begins is lost.
  for (const name of ['inotify', 'kqueue', 'FSEvents', 'ReadDirectoryChangesW'])
    t.equal(await tested(name), undefined, name);
  t.match(await tested('a local disk without hints'), /^no hint from \w+ within 1000 ms$/);
});

t.test('the file system decides what is known of other writers', async (t) => {
  t.same(fileSystemOf(0xef53), { is: 'local', name: 'ext4' });
  t.equal(fileSystemOf(0x794c7630).is, 'layered');
  t.equal(fileSystemOf(0x65735546).is, 'shared');
  t.equal(fileSystemOf(-0xacb2be).is, 'shared', 'SMB as a signed number');
  t.equal(fileSystemOf(0x12345).is, 'unknown');
  t.same(fileSystemAt('\\\\server\\share', 'win32'), { is: 'shared', name: 'a network share' });
  t.equal(fileSystemAt('/Users', 'darwin').is, 'unreported');
});

t.test('auto polls on a file system that other systems write, says so, and hears the kernel too', async (t) => {
  const repository = new WatchedRepository(
    'auto',
    {},
    {
      choose: (choice, directories, clock, log, pollMs) =>
        chooseWatcher(choice, directories, clock, log, pollMs, { is: 'shared', name: 'FUSE' }),
    },
  );
  t.teardown(() => {
    repository.stop();
  });
  await repository.start();
  t.match(repository.watch.health, { backend: 'polling', misses: ['everything'], compared_every_ms: 20 });
  t.match(repository.said, [/FUSE that are made elsewhere give no hint here; polling/]);
  repository.rename('task', 't1', {});
  await repository.untilTold('added task/t1');
});
