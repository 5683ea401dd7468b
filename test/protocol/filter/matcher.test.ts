import t from 'tap';
import {
  compileFilter,
  isGlob,
  matchable,
  parseFilter,
  type FilterInput,
  type Kind,
  type RecordData,
} from '../../../protocol/index.js';

const record = (data: Readonly<Record<string, unknown>>, kind: Kind = 'reservation', id = 'r1') =>
  matchable(kind, id, data as RecordData);

t.test('fields join with AND, values of a field with OR', async (t) => {
  const sample = record({ run_id: 'a', branch: 'main', addresses: ['src/a.py::f', 'doc/b.md'] });
  const cases: [FilterInput, boolean][] = [
    [{}, true],
    [{ kinds: ['reservation'] }, true],
    [{ kinds: ['tasks'] }, false],
    [{ kinds: ['tasks', 'reservations'] }, true],
    [{ run_ids: ['a'] }, true],
    [{ run_ids: ['b', 'a'] }, true],
    [{ run_ids: ['A'] }, false],
    [{ run_ids: ['a'], branches: ['main'] }, true],
    [{ run_ids: ['a'], branches: ['dev'] }, false],
    [{ ids: ['r1'] }, true],
    [{ ids: ['r'] }, false],
    [{ addresses: ['src/a.py::f'] }, true],
    [{ addresses: ['src/a.py'] }, false],
    [{ addresses: ['src/a.py::*'] }, true],
    [{ addresses: ['src/**'] }, true],
    [{ addresses: ['*.md'] }, false],
    [{ addresses: ['**/*.md'] }, true],
    [{ addresses: ['lib/**', 'doc/b.md'] }, true],
    [{ addresses: ['{doc,lib}/?.md'] }, true],
  ];
  for (const [filter, passes] of cases) {
    t.equal(compileFilter(parseFilter(filter)).matches(sample), passes, JSON.stringify(filter));
  }
});

t.test('a record that lacks a field of the filter does not match', async (t) => {
  const filters: FilterInput[] = [{ run_ids: ['a'] }, { branches: ['a'] }, { addresses: ['**'] }];
  const lacking = [
    {},
    { run_id: 1, branch: null, addresses: { count: 1 } },
    { run_id: ['a'], branch: {}, addresses: [1, null] },
  ];
  for (const filter of filters) {
    for (const data of lacking) {
      t.notOk(compileFilter(parseFilter(filter)).matches(record(data)), JSON.stringify({ filter, data }));
    }
  }
});

t.test('the addresses of a record are those that leases are read from, in any form', async (t) => {
  const wanted = compileFilter(parseFilter({ addresses: ['src/a.py'] }));
  for (const data of [
    { addresses: 'src/a.py' },
    { addresses: 'src/b.py\nsrc/a.py' },
    { addresses: [7, 'src/a.py'] },
    { addresses: { path: 'src/a.py' } },
    { addresses: [{ file: 'src/a.py' }] },
    { addresses: { 'src/a.py': 'modify' } },
    { address: 'src/a.py' },
  ])
    t.ok(wanted.matches(record(data)), JSON.stringify(data));
});

t.test('an address that looks like a glob is matched by the same text', async (t) => {
  const address = 'src/[id].ts::f';
  t.ok(compileFilter(parseFilter({ addresses: [address] })).matches(record({ addresses: [address] })));
});

t.test('a very long address is compared as text only', async (t) => {
  const long = `src/${'a'.repeat(2_000)}`;
  t.notOk(compileFilter(parseFilter({ addresses: ['src/**'] })).matches(record({ addresses: [long] })));
});

t.test('a filter compares types with the event, not with the record', async (t) => {
  const matcher = compileFilter(parseFilter({ event_types: ['added', 'expired'] }));
  t.ok(matcher.matches(record({})));
  t.same(
    (['snapshot', 'added', 'modified', 'removed', 'expired'] as const).map((type) => matcher.wants(type)),
    [false, true, false, false, true],
  );
  t.ok(compileFilter({}).wants('snapshot'), 'all where none is named');
});

t.test('the fields that a record does not match are named', async (t) => {
  const matcher = compileFilter(parseFilter({ run_ids: ['a'], branches: ['main'], kinds: ['task'] }));
  t.same(matcher.failing(record({ run_id: 'b', branch: 'main' })).sort(), ['kinds', 'run_ids']);
  t.same(matcher.failing(record({ run_id: 'a', branch: 'main' }, 'task')), []);
});

t.test('an address is a glob if picomatch reads more in it than the text itself', async (t) => {
  for (const glob of ['*', 'a*', 'src/**', 'a?', '[ab]', '{a,b}', '+(a)']) t.ok(isGlob(glob), glob);
  for (const plain of ['', 'src/a.py', 'src/a.py::f', 'a+b']) t.notOk(isGlob(plain), plain);
});
