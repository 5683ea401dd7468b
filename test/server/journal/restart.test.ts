import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { unixMillis, type Kind } from '../../../protocol/index.js';
import { systemClock, type Clock } from '../../../server/index.js';
import { brief, Run } from '../../support/journal-run.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

/** The clock of a server that starts an hour after the one before. */
const anHourLater: Clock = { ...systemClock, now: () => unixMillis(Date.now() + 60 * MINUTE_MS) };

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

function repositoryFor(t: Test): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  return repository;
}

/** Runs a first server, while these records are written one after another. */
async function firstLife(repository: TemporaryRepository, records: [Kind, string, object][]): Promise<string> {
  const run = await Run.on(repository.root);
  for (const [i, [kind, id, data]] of records.entries()) {
    repository.rename(kind, id, data);
    await run.reaches(i + 1);
  }
  const { cursor } = run;
  await run.stop();
  return cursor;
}

t.test('after an orderly restart the epoch continues, and an earlier cursor is replayed', async (t) => {
  const repository = repositoryFor(t);
  const cursor = await firstLife(repository, [
    ['task', 'a', { n: 1 }],
    ['task', 'b', { n: 2 }],
    ['task', 'a', { n: 3 }],
  ]);
  const run = await Run.on(repository.root);
  t.teardown(() => run.stop());
  t.equal(run.cursor, cursor, 'nothing has changed, and no revision was taken');
  const { mode, events } = await run.resume(`${run.epoch}:1`);
  t.equal(mode, 'replay');
  t.same(brief(events), [
    ['added', 'b', undefined, undefined],
    ['modified', 'a', undefined, undefined],
  ]);
  t.same(events[1]?.data, { n: 3 });
  t.equal(run.bus.journalHealth, 'durable');
});

t.test('changes while no server ran become events, marked as found at the restart', async (t) => {
  const repository = repositoryFor(t);
  const cursor = await firstLife(repository, [
    ['task', 'gone', { run_id: 'r', text: 'last words' }],
    ['task', 'edited', { n: 1 }],
    ['task', 'same', { n: 1 }],
  ]);
  repository.remove('task', 'gone');
  repository.rename('task', 'edited', { n: 2 });
  repository.rename('intent', 'new', { n: 1 });
  const run = await Run.on(repository.root);
  t.teardown(() => run.stop());
  const { mode, events } = await run.resume(cursor);
  t.equal(mode, 'replay');
  t.same(brief(events), [
    ['added', 'new', undefined, 'restart'],
    ['modified', 'edited', undefined, 'restart'],
    ['removed', 'gone', 'deleted', 'restart'],
  ]);
  t.same(events[2]?.data, { run_id: 'r', text: 'last words' }, 'removed carries the last data');
  t.same(
    events.map(({ revision }) => revision),
    [4, 5, 6],
  );
});

t.test('a filter also reports a record that left it during the restart', async (t) => {
  const repository = repositoryFor(t);
  const cursor = await firstLife(repository, [['task', 'a', { branch: 'main', n: 1 }]]);
  repository.rename('task', 'a', { branch: 'other', n: 2 });
  const run = await Run.on(repository.root);
  t.teardown(() => run.stop());
  const { events } = await run.resume(cursor, { filter: { branches: ['main'] } });
  t.same(brief(events), [['removed', 'a', 'left-filter', 'restart']]);
  t.same(events[0]?.data, { branch: 'main', n: 1 });
});

t.test('a record that left a filter is replayed as such after two restarts', async (t) => {
  const repository = repositoryFor(t);
  await firstLife(repository, [
    ['task', 'a', { branch: 'main' }],
    ['task', 'a', { branch: 'other' }],
  ]);
  await (await Run.on(repository.root)).stop();
  const run = await Run.on(repository.root);
  t.teardown(() => run.stop());
  const { events } = await run.resume(`${run.epoch}:1`, { filter: { branches: ['main'] } });
  t.same(brief(events), [['removed', 'a', 'left-filter', undefined]]);
});

t.test('exactly the leases that ended while no server ran expire at the restart', async (t) => {
  const repository = repositoryFor(t);
  const reservation = (id: string, ms: number): [Kind, string, object] => [
    'reservation',
    id,
    { reservation_id: id, expires_at: inMs(ms) },
  ];
  const cursor = await firstLife(repository, [
    ['reservation', 'already-over', { expires_at: inMs(-MINUTE_MS) }],
    reservation('ends', MINUTE_MS),
    reservation('extended', MINUTE_MS),
    reservation('released', MINUTE_MS),
    reservation('removed', MINUTE_MS),
    reservation('goes-on', DAY_MS),
  ]);
  repository.rename('heartbeat', 'h', { reservation_id: 'extended', extended_expires_at: inMs(DAY_MS) });
  repository.rename('release', 'x', { reservation_id: 'released' });
  repository.remove('reservation', 'removed');
  const run = await Run.on(repository.root, {}, anHourLater);
  const { events } = await run.resume(cursor);
  t.same(brief(events), [
    ['removed', 'removed', 'deleted', 'restart'],
    ['added', 'x', undefined, 'restart'],
    ['added', 'h', undefined, 'restart'],
    ['expired', 'ends', 'ttl', 'restart'],
  ]);
  const { cursor: afterwards } = run;
  await run.stop();

  const third = await Run.on(repository.root, {}, anHourLater);
  t.teardown(() => third.stop());
  t.equal(third.cursor, afterwards, 'what has expired does not expire again');
});

t.test('a lease that expired and was revived before the restart expires once more after it', async (t) => {
  const repository = repositoryFor(t);
  const first = await Run.on(repository.root);
  repository.rename('reservation', 'r', { reservation_id: 'r', expires_at: inMs(500) });
  await first.reaches(2);
  repository.rename('heartbeat', 'h', { reservation_id: 'r', extended_expires_at: inMs(MINUTE_MS) });
  await first.reaches(3);
  const { cursor } = first;
  await first.stop();
  const second = await Run.on(repository.root, {}, anHourLater);
  t.teardown(() => second.stop());
  t.same(brief((await second.resume(cursor)).events), [['expired', 'r', 'ttl', 'restart']]);
});

t.test('without a journal every start begins a new epoch and writes nothing', async (t) => {
  const repository = repositoryFor(t);
  const first = await Run.on(repository.root, { journal: false });
  const { epoch } = first;
  t.equal(first.bus.journalHealth, 'off');
  await first.stop();
  const second = await Run.on(repository.root, { journal: false });
  t.teardown(() => second.stop());
  t.not(second.epoch, epoch);
  t.notOk(existsSync(repository.bus));
  t.notOk(existsSync(repository.state));
});

t.test('a record of a broken file keeps its problem and its last good data', async (t) => {
  const repository = repositoryFor(t);
  const first = await Run.on(repository.root, { settleMs: 20 });
  repository.rename('task', 'a', { n: 1 });
  await first.reaches(1);
  repository.raw('task', 'a', '{"n":');
  await first.reaches(2);
  await first.stop();
  const second = await Run.on(repository.root, { settleMs: 20 });
  t.teardown(() => second.stop());
  t.equal(second.bus.hub.revision, 2);
  const version = second.bus.hub.store.get('task', 'a');
  t.same(version?.data, { n: 1 });
  t.equal(version?.problem, 'invalid-json');
  t.match(second.bus.problems(), [{ kind: 'task', id: 'a', problem: 'invalid-json' }], 'which is listed');
});
