import t, { type Test } from 'tap';
import { connect, type ConflictForm } from '../../../client/sdk/index.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** A reservation as Muse's `reserve` writes it. */
const reserved = (id: string, run: string, branch: string, addresses: string[]) => ({
  reservation_id: id,
  run_id: run,
  branch,
  addresses,
  created_at: inFuture(0),
  expires_at: inFuture(3_600_000),
  operation: null,
});

async function two(t: Test) {
  const repository = new ServedRepository();
  await repository.start();
  const buses = await Promise.all([connect({ root: repository.root }), connect({ root: repository.root })]);
  t.teardown(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await repository.stop();
  });
  const mirrors = await Promise.all(buses.map((bus) => bus.mirror()));
  const told: ConflictForm[][] = mirrors.map(() => []);
  const stops = mirrors.map((mirror, i) => mirror.onConflict((conflict) => told[i]!.push(conflict)));
  return { repository, mirrors, told, stops };
}

t.test('both runs are notified of the second reservation of one address at once, and only once', async (t) => {
  const { repository, mirrors, told, stops } = await two(t);
  repository.inPlace('reservation', 'ra', reserved('ra', 'agent-a', 'main', ['src/billing.py::compute_total']));
  repository.inPlace('reservation', 'rb', reserved('rb', 'agent-b', 'feature/x', ['src/billing.py']));
  await until('both are told', () => told.every((conflicts) => conflicts.length > 0));
  const conflict = {
    type: 'address_overlap',
    severity: 'merge-risk',
    confidence: 1,
    address: 'src/billing.py::compute_total',
    parties: [
      { run_id: 'agent-a', branch: 'main', record: 'ra', address: 'src/billing.py::compute_total', operation: null },
      { run_id: 'agent-b', branch: 'feature/x', record: 'rb', address: 'src/billing.py', operation: null },
    ],
    has_more: false,
  };
  t.same(told, [[conflict], [conflict]]);
  t.same(mirrors[0]!.conflicts(), [conflict]);

  repository.inPlace('heartbeat', 'ra', {
    reservation_id: 'ra',
    run_id: 'agent-a',
    extended_expires_at: inFuture(9e6),
  });
  repository.inPlace('release', 'x', { reservation_id: 'rb', run_id: 'agent-b', reason: 'done' });
  await until('it is over', () => mirrors.every((mirror) => mirror.conflicts().length === 0));
  t.same(told, [[conflict], [conflict]], 'neither a heartbeat nor its end is a conflict');

  stops[1]!();
  repository.inPlace('reservation', 'rc', reserved('rc', 'agent-c', 'main', ['src/billing.py']));
  await until('the next is told', () => told[0]!.length === 2);
  t.equal(told[0]![1]!.severity, 'collision');
  await until('the other knows it', () => mirrors[1]!.conflicts().length === 1);
  t.equal(told[1]!.length, 1, 'who asked no longer is not told');
});

t.test('both runs are notified when one intends to delete what the other intends to modify', async (t) => {
  const { repository, told } = await two(t);
  for (const [id, run, operation] of [
    ['i1', 'agent-a', 'delete'],
    ['i2', 'agent-b', 'modify'],
  ] as const) {
    const data = {
      intent_id: id,
      reservation_id: '',
      run_id: run,
      branch: 'main',
      addresses: ['src/a.py'],
      detail: '',
    };
    repository.inPlace('intent', id, { ...data, operation, created_at: inFuture(0) });
  }
  await until('both are told', () => told.every((conflicts) => conflicts.length > 0));
  t.match(told, [[{ type: 'operation_conflict', confidence: 0.9 }], [{ type: 'operation_conflict', confidence: 0.9 }]]);
});

t.test('an error of one conflict watcher affects no other', async (t) => {
  const { repository, mirrors, told } = await two(t);
  mirrors[0]!.onConflict(() => {
    throw new Error('on purpose');
  });
  repository.inPlace('reservation', 'ra', reserved('ra', 'agent-a', 'main', ['a.py']));
  repository.inPlace('reservation', 'rb', reserved('rb', 'agent-b', 'main', ['a.py']));
  await until('both are told', () => told.every((conflicts) => conflicts.length === 1));
});

t.test('a mirror distinguishes released and lapsed leases from live ones', async (t) => {
  const { repository, mirrors } = await two(t);
  for (const id of ['on', 'off', 'over'])
    repository.inPlace('reservation', id, {
      ...reserved(id, 'agent-a', 'main', ['a.py']),
      ...(id === 'over' ? { expires_at: inFuture(-5_000) } : {}),
    });
  repository.inPlace('release', 'x', { reservation_id: 'off' });
  const [mirror] = mirrors;
  await until('the release is known', () => mirror!.lease('off')?.state === 'released');
  await until('all are known', () => mirror!.lease('over') !== undefined);
  t.same(
    ['on', 'over', 'none'].map((id) => mirror!.lease(id)?.state),
    ['live', 'lapsed', undefined],
  );
});
