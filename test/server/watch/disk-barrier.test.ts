import { linkSync, rmSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { KINDS } from '../../../protocol/index.js';
import { systemClock, type Clock } from '../../../server/index.js';
import { FaultyFiles } from '../../support/faulty-files.js';
import { inFuture } from '../../support/leases.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { ToldWatcher } from '../../support/told-watcher.js';
import { WatchedRepository } from '../../support/watched-repository.js';

/** More notifications in one turn than the kernel's queue is trusted to keep. */
const BURST = 1_000;
const RECORDS_OF_EACH_KIND = 3;

/** Counts the files whose status is looked at, which is what a comparison does. */
class CountedFiles extends FaultyFiles {
  compared = 0;

  override look(path: string) {
    if (path.endsWith('.json')) this.compared++;
    return super.look(path);
  }
}

/** A comparison that is soon due after a failure or a burst would be counted, too, where a machine is so slow that it comes before the answer. */
const NEVER_SOON: Clock = {
  ...systemClock,
  after: (delayMs, call) => (delayMs < 250 ? systemClock.after(delayMs, call) : () => undefined),
};

async function watched(t: Test, clock: Clock = NEVER_SOON) {
  const files = new CountedFiles();
  const watcher = new ToldWatcher();
  // A comparison of all directories is due in an hour.
  const repository = new WatchedRepository('native', { reconcileMs: 3_600_000 }, { files, watcher, clock });
  t.teardown(() => {
    repository.stop();
  });
  for (const kind of KINDS)
    for (let i = 0; i < RECORDS_OF_EACH_KIND; i++) repository.rename(kind, `own${String(i)}`, { run_id: 'own' });
  await repository.start();
  const barrier = async (): Promise<number> => {
    files.compared = 0;
    await repository.watch.readNow(undefined);
    return files.compared;
  };
  return { repository, files, watcher, barrier };
}

t.test('a barrier is not reached by a stop: what was not read may say anything', async (t) => {
  const { repository, watcher, barrier } = await watched(t);
  repository.rename('reservation', 'new', { run_id: 'a' });
  watcher.sink.file('reservation', 'new.json');
  const reached = barrier();
  repository.stop();
  await t.rejects(reached, { name: 'StoppedError' });
  t.same(repository.story, []);
});

const ALL = KINDS.length * RECORDS_OF_EACH_KIND;

t.test('where hints tell all, a barrier reads what they name, and compares nothing', async (t) => {
  const { repository, watcher, barrier } = await watched(t);
  t.equal(await barrier(), 0, 'nothing has changed');
  repository.rename('task', 'new', { run_id: 'a' });
  watcher.sink.file('task', 'new.json');
  t.equal(await barrier(), 0);
  t.same(repository.story, ['added task/new'], 'published before the answer');
});

t.test('a hint that comes with the next poll of the loop is waited for', async (t) => {
  const { repository, watcher, barrier } = await watched(t);
  repository.rename('task', 'new', { run_id: 'a' });
  const answered = barrier();
  // In the first turn after the call, which may come without a poll of its own.
  setImmediate(() => {
    setImmediate(() => {
      watcher.sink.file('task', 'new.json');
    });
  });
  await answered;
  t.same(repository.story, ['added task/new']);
});

t.test('a directory that changed without a hint is compared, and only that one', async (t) => {
  const { repository, barrier } = await watched(t);
  repository.rename('task', 'untold', { run_id: 'a' });
  t.equal(await barrier(), RECORDS_OF_EACH_KIND);
  t.same(repository.story, ['added task/untold']);
});

t.test('after a burst of notifications everything is compared, once', async (t) => {
  for (const name of ['own0.json', 'not-a-record.tmp']) {
    await t.test(`of ${name}`, async (t) => {
      const { repository, watcher, barrier } = await watched(t);
      // In place, so that the directory's own status says nothing; its hint was lost.
      repository.raw('task', 'own2', '{"run_id":"own","n":2}');
      for (let i = 0; i < BURST; i++) watcher.sink.file('reservation', name);
      t.ok((await barrier()) >= ALL);
      t.match(repository.story, ['modified task/own2']);
      t.equal(await barrier(), 0, 'and the next one trusts the hints again');
    });
  }
});

t.test('a barrier compares everything as long as a mechanism has failed and nothing was compared since', async (t) => {
  const { repository, files, watcher, barrier } = await watched(t);
  repository.raw('task', 'own2', '{"run_id":"own","n":2}');
  watcher.sink.everything('the kernel says so');
  const heal = files.fail('list', /tasks$/, 'EMFILE');
  await barrier();
  t.same(repository.story, [], 'tasks/ could not be compared');
  heal();
  t.equal(await barrier(), RECORDS_OF_EACH_KIND, 'tasks/ alone is left');
  t.same(repository.story, ['modified task/own2']);
  t.equal(await barrier(), 0);
});

t.test('a file that cannot be read for the moment is waited for, or it is said that it cannot be read', async (t) => {
  const { repository, files, watcher, barrier } = await watched(t);
  const heal = files.fail('read', /new-.\.json$/, 'EIO');
  repository.rename('task', 'new-1', { run_id: 'a' });
  watcher.sink.file('task', 'new-1.json');
  const answered = barrier();
  setImmediate(heal);
  await answered;
  t.same(repository.story, ['added task/new-1']);

  files.fail('read', /new-.\.json$/, 'EIO');
  repository.rename('reservation', 'new-2', { run_id: 'a' });
  watcher.sink.file('reservation', 'new-2.json');
  await barrier();
  t.equal(repository.store.get('reservation', 'new-2')?.problem, 'unreadable');
  repository.rename('task', 'new-3', { run_id: 'a' });
  await repository.watch.readNow({ kind: 'task', id: 'new-3' });
  t.equal(repository.store.get('task', 'new-3')?.problem, 'unreadable');
});

for (const [what, change] of Object.entries<(watcher: ToldWatcher) => void>({
  'is not healthy': (watcher) => (watcher.isHealthy = false),
  'names no files': (watcher) => (watcher.completeness = { ...watcher.completeness, names: 'directories' }),
  'misses writes in place': (watcher) => (watcher.completeness = { ...watcher.completeness, inPlace: 'silent' }),
  'may miss another end': (watcher) => (watcher.completeness = { ...watcher.completeness, otherEnd: 'possible' }),
  'loses hints at each directory': (watcher) => (watcher.completeness = { ...watcher.completeness, rearming: 'loses' }),
  'is late': (watcher) => (watcher.completeness = { ...watcher.completeness, latencyMs: 50 }),
})) {
  t.test(`a watcher that ${what} is not trusted: everything is compared`, async (t) => {
    const { repository, watcher, barrier } = await watched(t);
    change(watcher);
    repository.raw('task', 'own2', '{"run_id":"own","n":2}');
    t.equal(await barrier(), ALL);
    t.same(repository.story, ['modified task/own2']);
  });
}

t.test('a write through the other name of a file is found, as long as there is another name', async (t) => {
  const { repository, watcher, barrier } = await watched(t);
  const other = `${temporaryDirectory(t)}/other.json`;
  writeFileSync(other, '{"run_id":"a"}');
  linkSync(other, repository.dir.file('task', 'linked'));
  watcher.sink.file('task', 'linked.json');
  await barrier();
  t.same(repository.story, ['added task/linked']);
  writeFileSync(other, '{"run_id":"a","n":2}');
  t.equal(await barrier(), RECORDS_OF_EACH_KIND, 'the others of its kind');
  t.same(repository.story, ['added task/linked', 'modified task/linked']);
  rmSync(other);
  await barrier();
  t.equal(await barrier(), 0, 'it has one name again');
});

t.test('a heartbeat that is written through its other name saves its lease', async (t) => {
  const { repository, watcher } = await watched(t, systemClock);
  const lease = { reservation_id: 'r', expires_at: inFuture(400) };
  const other = `${temporaryDirectory(t)}/other.json`;
  writeFileSync(other, JSON.stringify({ reservation_id: 'r', extended_expires_at: inFuture(300) }));
  linkSync(other, repository.dir.file('heartbeat', 'r'));
  repository.rename('reservation', 'r', lease);
  repository.rename('reservation', 'witness', { ...lease, reservation_id: 'witness' });
  for (const name of ['r.json', 'witness.json']) watcher.sink.file('reservation', name);
  watcher.sink.file('heartbeat', 'r.json');
  await repository.untilTold('added heartbeat/r');
  writeFileSync(other, JSON.stringify({ reservation_id: 'r', extended_expires_at: inFuture(60_000) }));
  await repository.untilTold('expired reservation/witness');
  t.equal(repository.store.leases.state('r', systemClock.now()), 'live');
  t.notOk(repository.story.includes('expired reservation/r'));
});
