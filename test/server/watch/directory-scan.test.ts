import { lstatSync, utimesSync } from 'node:fs';
import t, { type Test } from 'tap';
import { silentLog } from '../../../server/index.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { CheckedDirectories } from '../../../server/watch/checked-directories.js';
import { DirectoryScan } from '../../../server/watch/directory-scan.js';
import { IgnoredFiles } from '../../../server/watch/ignored-files.js';
import { RecordReader } from '../../../server/watch/record-reader.js';
import { grainMs, inMs } from '../../../server/watch/time-grain.js';
import { Warnings } from '../../../server/watch/warnings.js';
import { systemFiles } from '../../../server/watch/files.js';
import { filesWith } from '../../platforms/emulated-watch.js';
import { ManualClock } from '../../support/manual-clock.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

/** As on sshfs: no time of change beside that of modification, which a test can set. */
const WITH_ONE_TIME = filesWith((stats) => {
  stats.ctimeNs = stats.mtimeNs;
});

function scanned(t: Test, files = WITH_ONE_TIME) {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const store = new RecordStore();
  const clock = new ManualClock();
  const directories = new CheckedDirectories(repository.dir, files);
  directories.open();
  t.teardown(() => {
    directories.close();
  });
  const reader = new RecordReader({
    directories,
    maxBytes: 10_000,
    maxDepth: 32,
    admits: () => true,
    warn: () => undefined,
  });
  const hints: string[] = [];
  const scan = new DirectoryScan({
    store,
    directories,
    clock,
    linked: reader.linked,
    ignored: new IgnoredFiles(new Warnings(silentLog), 256),
    hint: (kind, id) => hints.push(`${kind}/${id}`),
    missing: () => undefined,
  });
  /** Reads a record, as if it had been written a minute ago. */
  const take = (id: string): void => {
    utimesSync(repository.dir.file('task', id), 1_000, 1_000);
    const reading = reader.read('task', id);
    if (reading.is === 'present') store.apply(reading, clock.now());
  };
  const run = async (): Promise<string[]> => {
    hints.length = 0;
    await scan.run('task');
    return [...hints].sort();
  };
  return { repository, directories, clock, store, reader, take, run, scan };
}

t.test('a scan gives a hint for each new, changed or removed record, and for no other', async (t) => {
  const { repository, take, run, scan } = scanned(t);
  for (const id of ['same', 'changed', 'gone']) {
    repository.rename('task', id, { id });
    take(id);
  }
  t.same(await run(), []);
  repository.rename('task', 'changed', { id: 'other' });
  repository.rename('task', 'new', {});
  repository.remove('task', 'gone');
  repository.rename('claim', 'elsewhere', {});
  t.same(await run(), ['task/changed', 'task/gone', 'task/new']);
  t.match(await scan.run('task'), { files: 3, differences: 3 });
});

for (const [keeps, pastMs, grainMs] of [
  ['fractions of a second', 123, 50],
  ['whole seconds', 0, 2_000],
] as const) {
  t.test(
    `where files keep ${keeps}, a record is read again until none of its changes can have the same time`,
    async (t) => {
      const { repository, clock, store, reader, run } = scanned(t);
      clock.advance(pastMs);
      repository.rename('task', 't1', {});
      utimesSync(repository.dir.file('task', 't1'), clock.now() / 1_000, clock.now() / 1_000);
      const reading = reader.read('task', 't1');
      if (reading.is === 'present') store.apply(reading, clock.now());
      clock.advance(1);
      t.same(await run(), ['task/t1'], 'it may have changed again with the same time and size');
      clock.advance(grainMs);
      t.same(await run(), ['task/t1'], 'also after the last scan');
      clock.advance(1);
      t.same(await run(), []);
    },
  );
}

t.test('a time of whole seconds may be all that a file system keeps', async (t) => {
  t.same([grainMs(1_700_000_000_000_000_000n), grainMs(1_700_000_000_500_000_000n)], [2_000, 50]);
  t.equal(inMs(1_700_000_000_123_999_999n), 1_700_000_000_123);
});

t.test('a record whose time is in the future is read once more', async (t) => {
  const { repository, clock, store, reader, run } = scanned(t);
  repository.rename('task', 't1', {});
  utimesSync(repository.dir.file('task', 't1'), clock.now() / 1_000 + 3_600, clock.now() / 1_000 + 3_600);
  const reading = reader.read('task', 't1');
  if (reading.is === 'present') store.apply(reading, clock.now());
  t.same(await run(), ['task/t1']);
  clock.advance(1);
  await run();
  clock.advance(1);
  t.same(await run(), []);
});

t.test('a write that keeps size, time and inode is found by its time of change, and read again once', async (t) => {
  const { repository, clock, store, take, run } = scanned(t, systemFiles);
  clock.setWallClock(Date.now() - clock.now() + 60_000);
  repository.rename('task', 't1', { n: 1 });
  take('t1');
  t.same(await run(), []);
  const file = repository.dir.file('task', 't1');
  const changedAt = (): bigint => lstatSync(file, { bigint: true }).ctimeNs;
  const before = changedAt();
  do {
    repository.inPlace('task', 't1', { n: 2 });
    utimesSync(file, 1_000, 1_000);
  } while (changedAt() === before);
  t.same(await run(), ['task/t1']);
  take('t1');
  t.same(store.get('task', 't1')?.data, { n: 2 });
  t.same(await run(), []);
});

t.test('the time of a scan is counted, even where each slice of it is short', async (t) => {
  const { repository, clock, scan } = scanned(t);
  // The scan reads the clock after every 32 records. Ten readings have nine intervals between them.
  for (let n = 0; n < 320; n++) repository.rename('task', `t${String(n)}`, {});
  clock.lookCostMs = 0.125;
  t.match(await scan.run('task'), { files: 320, busyMs: 9 * 0.125 });
});

t.test('a missing directory has no records', async (t) => {
  const { repository, directories, take, run } = scanned(t);
  repository.rename('task', 't1', {});
  take('t1');
  repository.removeDirectory('task');
  directories.verify();
  t.same(await run(), ['task/t1']);
});

t.test('names that cannot be records are ignored', async (t) => {
  const { repository, run } = scanned(t);
  for (const id of ['.hidden', 'a\nb']) repository.raw('task', id, '{}');
  t.same(await run(), []);
});
