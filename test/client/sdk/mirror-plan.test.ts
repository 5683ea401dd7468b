import t from 'tap';
import { planOf } from '../../../client/sdk/mirror-plan.js';
import { ShownRecords } from '../../../client/sdk/shown-records.js';
import type { StandingRecord } from '../../../client/sdk/record-view.js';
import { LEASE_KINDS, readFilter, type FilterInput, type Kind } from '../../../protocol/index.js';

const record = (kind: Kind, id: string, data: object = {}): StandingRecord => ({
  kind,
  id,
  data: data as StandingRecord['data'],
  revision: 1,
  problem: undefined,
});

for (const [filter, followsLeases, expected] of [
  [{}, true, [{}, 'all', undefined]],
  [{ kinds: ['task'] }, false, [{ kinds: ['task'] }, 'all', undefined]],
  [{ kinds: [...LEASE_KINDS, 'task'] }, true, [{ kinds: [...LEASE_KINDS, 'task'] }, 'all', undefined]],
  [{ kinds: ['task'] }, true, [{ kinds: ['task', ...LEASE_KINDS] }, 'some', undefined]],
  [{ kinds: ['reservation'] }, true, [{ kinds: LEASE_KINDS }, 'some', undefined]],
  [{ ids: ['r1'] }, true, [{}, 'some', undefined]],
  [{ kinds: LEASE_KINDS, branches: ['dev'] }, true, [{ kinds: LEASE_KINDS }, 'some', undefined]],
  [{ addresses: ['src/a.py'] }, true, [{}, 'some', undefined]],
  [{ addresses: ['src/*.py'] }, true, [{ addresses: ['src/*.py'] }, 'all', { kinds: LEASE_KINDS }]],
  [{ event_types: ['added'] }, true, [{ event_types: ['added'] }, 'all', { kinds: LEASE_KINDS }]],
] as const) {
  t.test(`a mirror of ${JSON.stringify(filter)} that follows ${followsLeases ? 'leases' : 'no leases'}`, async (t) => {
    const plan = planOf(filter, followsLeases);
    const [subscribed, shows, leases] = expected;
    t.same(readFilter(plan.filter), readFilter(subscribed));
    t.same([plan.shows ? 'some' : 'all', plan.leases], [shows, leases]);
  });
}

t.test('a mirror shows of the records that it follows those that its filter lets through', async (t) => {
  const data = { run_id: 'a', branch: 'dev', addresses: ['src/a.py', 'src/b.py'] };
  const shown = (filter: FilterInput, kind: Kind = 'reservation', more: object = data): boolean =>
    planOf(filter, true).shows!(record(kind, 'r1', more), undefined);
  for (const filter of [
    { ids: ['r2', 'r1'] },
    { run_ids: ['a'] },
    { branches: ['main', 'dev'] },
    { addresses: ['src/b.py'] },
    { kinds: ['reservation'], ids: ['r1'], run_ids: ['a'], branches: ['dev'], addresses: ['src/a.py'] },
  ] satisfies FilterInput[])
    t.ok(shown(filter), JSON.stringify(filter));
  for (const filter of [
    { ids: ['r2'] },
    { run_ids: ['b'] },
    { branches: ['main'] },
    { addresses: ['src/c.py'] },
    { kinds: ['task'] },
    { ids: ['r1'], run_ids: ['b'] },
  ] satisfies FilterInput[])
    t.notOk(shown(filter), JSON.stringify(filter));
  t.notOk(shown({ run_ids: ['a'] }, 'task', {}), 'a record that says no run is of none');
});

t.test('a record that comes into what a mirror shows is new there, and one that leaves is gone', async (t) => {
  const records = new Map<string, StandingRecord>();
  const shown = new ShownRecords(planOf({ branches: ['dev'] }, true).shows, (kind, id) => records.get(`${kind}/${id}`));
  const put = (after: StandingRecord): (readonly [string | undefined, string | undefined])[] => {
    const key = `${after.kind}/${after.id}`;
    const before = records.get(key);
    records.set(key, after);
    return shown.take([{ before, after }]).map((change) => [change.before?.id, change.after?.id]);
  };
  const reservation = (branch: string): StandingRecord => record('reservation', 'r1', { branch });
  t.same(put(reservation('dev')), [[undefined, 'r1']]);
  t.same(
    put(record('heartbeat', 'h1', { reservation_id: 'r1' })),
    [[undefined, 'h1']],
    'on the branch of its reservation',
  );
  t.same(put(record('task', 't1', { branch: 'main' })), []);
  t.same(put(record('task', 't1', { branch: 'dev' })), [[undefined, 't1']]);
  t.same(put(record('task', 't1', { branch: 'dev', n: 1 })), [['t1', 't1']]);
  t.same(put(reservation('main')), [
    ['r1', undefined],
    ['h1', undefined],
  ]);
  t.same(
    shown
      .ofKind('task', [
        record('task', 't2', { branch: 'dev' }),
        record('task', 't1', { branch: 'dev' }),
        record('claim', 'c1'),
      ])
      .map(({ id }) => id),
    ['t1', 't2'],
  );
  const gone = records.get('task/t1')!;
  t.same(shown.take([{ before: gone, after: undefined }]), [{ before: gone, after: undefined }]);
});
