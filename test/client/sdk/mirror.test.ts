import { renameSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { BusClient, Mirror, RecordChange } from '../../../client/sdk/index.js';
import { connect } from '../../../client/sdk/index.js';
import { BusServer } from '../../../server/index.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();

async function served(t: Test): Promise<{ repository: ServedRepository; bus: BusClient }> {
  const repository = new ServedRepository();
  await repository.start();
  const bus = await connect({ root: repository.root });
  t.teardown(async () => {
    await bus.close();
    await repository.stop();
  });
  return { repository, bus };
}

const lease = (run: string, branch: string, addresses: string[], expires = inFuture(3_600_000)) => ({
  run_id: run,
  branch,
  addresses,
  expires_at: expires,
});

t.test('a mirror is complete when the call resolves, and follows changes', async (t) => {
  const { repository, bus } = await served(t);
  repository.rename('task', 't2', { title: 'second' });
  repository.rename('task', 't1', { title: 'first' });
  await bus.sync();
  const mirror = await bus.mirror({ kinds: ['task'] });
  t.same(
    mirror.all('task').map(({ id, data }) => [id, data.title]),
    [
      ['t1', 'first'],
      ['t2', 'second'],
    ],
  );
  t.equal(mirror.get('task', 't1')?.data.title, 'first');
  t.equal(mirror.get('task', 't3'), undefined);
  t.equal(mirror.all('tasks' as 'task').length, 2, 'by the name of the directory');
  t.throws(() => mirror.all('tusk' as 'task'), /"tusk" is no kind; did you mean task\?/);
  t.throws(() => mirror.get('tusk' as 'task', 't1'), { code: 'bad-option' });

  const seen: RecordChange[] = [];
  const version = mirror.version;
  const unsubscribe = mirror.subscribe((changes) => seen.push(...changes));
  repository.rename('task', 't1', { title: 'changed' });
  repository.remove('task', 't2');
  repository.rename('claim', 'c1', { task_id: 't1' });
  await bus.sync();
  await until('both changes are in', () => seen.length === 2);
  t.match(seen, [
    { before: { data: { title: 'first' } }, after: { data: { title: 'changed' } } },
    { before: { id: 't2' }, after: undefined },
  ]);
  t.ok(mirror.version > version, 'the version grows, for useSyncExternalStore');
  unsubscribe();
  await mirror.close();
});

t.test('holders are listed by effective expiry, whatever the filter of the mirror', async (t) => {
  const { repository, bus } = await served(t);
  repository.rename('reservation', 'late', lease('a1', 'main', ['src/a.py::f'], inFuture(7_200_000)));
  repository.rename('reservation', 'soon', lease('a2', 'dev', ['src/a.py::f', 'src/b.py::g']));
  repository.rename('reservation', 'file', lease('a3', 'dev', ['src/a.py'], inFuture(7_300_000)));
  repository.rename('reservation', 'timeless', { run_id: 'a7', addresses: ['src/a.py'] });
  repository.rename('reservation', 'gone', lease('a4', 'main', ['src/a.py::f'], inFuture(-1_000)));
  repository.rename('reservation', 'beaten', lease('a5', 'main', ['src/c.py::h'], inFuture(-1_000)));
  repository.rename('heartbeat', 'h', { reservation_id: 'beaten', extended_expires_at: inFuture(60_000) });
  repository.rename('reservation', 'released', lease('a6', 'main', ['src/a.py::f']));
  repository.rename('release', 'r', { reservation_id: 'released' });
  await bus.sync();
  const mirror = await bus.mirror({ kinds: ['task'] });
  const runs = (address: string, branch?: string) => mirror.holders(address, { branch }).map(({ run_id }) => run_id);
  t.same(runs('src/a.py::f'), ['a2', 'a1', 'a3'], 'the first to lapse first; a file overlaps its symbols');
  t.notOk(runs('src/a.py::f').includes('a7'), 'a reservation that says no time holds nothing');
  t.same(runs('src/a.py::f', 'main'), ['a1']);
  t.same(runs('src/b.py'), ['a2'], 'a symbol overlaps its file');
  t.same(runs('src/c.py::h'), ['a5'], 'a heartbeat holds it');
  t.same(runs('src/b.py::other'), []);
});

t.test('a reservation whose file is renamed is never free: removal and addition are reported together', async (t) => {
  const { repository, bus } = await served(t);
  const mirror = await bus.mirror();
  let name = 'r0';
  repository.rename('reservation', name, lease('a1', 'main', ['src/a.py::f']));
  await bus.sync();
  await until('it is held', () => mirror.holders('src/a.py::f').length === 1);
  let isFree = false;
  const calls: (readonly { readonly after: unknown }[])[] = [];
  mirror.subscribe((changes) => {
    calls.push(changes);
    const names = mirror.all('reservation').map(({ id }) => id);
    if (names.length !== 1) t.fail(`${names.join(', ')} stand`);
  });
  mirror.whenFree('src/a.py::f').then(
    () => (isFree = true),
    () => undefined,
  );
  for (let round = 1; round <= 20; round++) {
    const next = `r${String(round)}`;
    renameSync(repository.dir.file('reservation', name), repository.dir.file('reservation', next));
    name = next;
    await until('the new name is known', () => mirror.get('reservation', next) !== undefined);
    t.equal(mirror.holders('src/a.py::f').length, 1);
  }
  t.notOk(isFree);
  t.equal(calls.length, 20);
  await mirror.close();
});

t.test('whenFree resolves when the last holder is gone, by release, removal or lapse', async (t) => {
  const { repository, bus } = await served(t);
  const mirror: Mirror = await bus.mirror();
  await mirror.whenFree('src/a.py::f');

  for (const [how, end] of [
    ['released', () => repository.rename('release', 'r1', { reservation_id: 'r1' })],
    ['removed', () => repository.remove('reservation', 'r1')],
    ['lapsed', () => repository.rename('reservation', 'r1', lease('a1', 'main', ['src/a.py::f'], inFuture(300)))],
  ] as const) {
    t.test(how, async (t) => {
      repository.rename('reservation', 'r1', lease('a1', 'main', ['src/a.py::f']));
      await bus.sync();
      await until('it is held', () => mirror.holders('src/a.py::f').length === 1);
      const free = mirror.whenFree('src/a.py::f');
      end();
      await free;
      t.same(mirror.holders('src/a.py::f'), []);
      if (how === 'released') repository.remove('release', 'r1');
      if (how !== 'removed') repository.remove('reservation', 'r1');
      await bus.sync();
    });
  }

  t.test('a signal ends the wait with its reason, and a time with timeout', async (t) => {
    repository.rename('reservation', 'r2', lease('a1', 'main', ['src/a.py::f']));
    await bus.sync();
    await until('it is held', () => mirror.holders('src/a.py::f').length === 1);
    const abort = new AbortController();
    const free = mirror.whenFree('src/a.py::f', { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    await t.rejects(free, reason);
    await t.rejects(mirror.whenFree('src/a.py::f', { timeoutMs: 1 }), { code: 'timeout', message: /src\/a\.py::f/ });
  });
});

t.test('after a resync a mirror reports exactly the differences', async (t) => {
  const repository = new ServedRepository();
  const first = await repository.start();
  repository.rename('task', 'same', { title: 'same' });
  repository.rename('task', 'changes', { title: 'before' });
  repository.rename('task', 'goes', { title: 'goes' });
  const bus = await connect({ root: repository.root, backoff: { firstMs: 1, longestMs: 20 } });
  await bus.sync();
  const mirror = await bus.mirror({ kinds: ['task'] });
  const seen: RecordChange[] = [];
  mirror.subscribe((changes) => seen.push(...changes));

  await repository.server.stop();
  repository.rename('task', 'changes', { title: 'after' });
  repository.remove('task', 'goes');
  repository.rename('task', 'comes', { title: 'comes' });
  const again = new BusServer({ root: repository.root, port: 0 });
  t.not((await again.start()).url, first.url, 'the new server is elsewhere; the endpoint file says where');
  await until('the differences are told', () => seen.length === 3);
  t.match(
    new Map(seen.map((change) => [(change.after ?? change.before)!.id, change])),
    new Map([
      ['goes', { after: undefined }],
      ['changes', { before: { data: { title: 'before' } }, after: { data: { title: 'after' } } }],
      ['comes', { before: undefined }],
    ]),
  );
  await bus.close();
  await again.stop();
  repository.dispose();
});
