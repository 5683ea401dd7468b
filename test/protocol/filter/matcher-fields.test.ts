import t from 'tap';
import {
  compileFilter,
  filterCost,
  matchable,
  parseFilter,
  readGlob,
  type RecordData,
} from '../../../protocol/index.js';

const record = matchable('task', 't1', { run_id: 'a', branch: 'main', addresses: ['src/a.py'] });
/** For each field a value that matches the record, and two that do not. */
const VALUES = {
  ids: ['t1', 't2', 't3'],
  run_ids: ['a', 'b', 'c'],
  branches: ['main', 'dev', 'next'],
  kinds: ['task', 'claim', 'intent'],
  addresses: ['src/*.py', 'lib/**', 'docs/**'],
} as const;
const FIELDS = Object.keys(VALUES) as (keyof typeof VALUES)[];

t.test('each field of a filter counts, however many there are, and each value of a field', async (t) => {
  for (let chosen = 0; chosen < 2 ** FIELDS.length; chosen++) {
    const fields = FIELDS.filter((_, n) => (chosen >> n) % 2 === 1);
    for (const missed of [undefined, ...fields])
      for (const isSeveral of [false, true]) {
        const entries = fields.map((field) => {
          const [right, wrong, another] = VALUES[field];
          const first = field === missed ? wrong : right;
          return [field, isSeveral ? [first, another] : [first]] as const;
        });
        const matcher = compileFilter(parseFilter(Object.fromEntries(entries)));
        const found = [matcher.matches(record), ...matcher.failing(record)].join();
        const wanted = missed === undefined ? 'true' : `false,${missed}`;
        if (found !== wanted) t.fail(`${JSON.stringify(entries)}: ${found}`);
      }
  }
});

t.test('run and branch are those of the record, or else of the reservation that it names', async (t) => {
  const followed = { runId: 'f', branch: 'dev' };
  for (const [data, runId, branch, without] of [
    [{}, 'f', 'dev', [undefined, undefined]],
    [{ run_id: 'a', branch: 'main' }, 'a', 'main', ['a', 'main']],
    [{ run_id: '', branch: ' ' }, 'f', 'dev', ['', ' ']],
    [{ run_id: 7, branch: 7 }, '7', '7', ['7', '7']],
    [{ run_id: ' a ', branch: ' b ' }, ' a ', ' b ', [' a ', ' b ']],
    [{ run_id: null, branch: ['main'] }, 'f', 'dev', [undefined, undefined]],
  ] as const) {
    const read = (...more: readonly [typeof followed] | readonly []) =>
      matchable('heartbeat', 'h', data as unknown as RecordData, ...more);
    t.match(read(followed), { runId, branch }, JSON.stringify(data));
    t.strictSame([read().runId, read().branch], without, JSON.stringify(data));
  }
  const partly = matchable('heartbeat', 'h', {}, { runId: undefined, branch: 'dev' });
  t.strictSame([partly.runId, partly.branch], [undefined, 'dev']);
});

t.test('a filter by types wants these and no others', async (t) => {
  const wanted = (event_types: readonly string[]): unknown => {
    const matcher = compileFilter(parseFilter({ event_types }));
    return (['added', 'modified', 'removed'] as const).map((type) => matcher.wants(type));
  };
  t.same(wanted(['modified']), [false, true, false]);
  t.same(wanted(['modified', 'added']), [true, true, false]);
});

t.test('the cost of a filter is that of its globs', async (t) => {
  t.equal(filterCost({}), 0);
  t.equal(filterCost({ addresses: ['a', 'b'] }), 0);
  const filter = parseFilter({ addresses: ['a', 'src/**', '*.{ts,js}', '?b'] });
  const cost = readGlob('*.{ts,js}').cost + readGlob('?b').cost + 1;
  t.equal(filterCost(filter), cost);
  t.equal(compileFilter(filter).cost, cost);
});

t.test('a glob is matched with every address of a record that is not empty and not too long', async (t) => {
  const matches = (addresses: readonly string[], glob: string): boolean =>
    compileFilter(parseFilter({ addresses: [glob] })).matches(matchable('task', 't', { addresses }));
  const long = `x/${'a'.repeat(2_000)}`;
  for (const glob of ['**/a*', 'x/**', '!b']) {
    t.notOk(matches([], glob), glob);
    t.notOk(matches([long], glob), `${glob} on one that is too long`);
    t.ok(matches([long, 'b', 'x/a'], glob), `${glob} on the one beside it`);
  }
  const filter = compileFilter(parseFilter({ addresses: ['**/a*', '?'] }));
  const of = (addresses: readonly string[]) => matchable('task', 't', { addresses });
  const both = [of(['x/a']), of(['xx']), of(['x'])];
  for (let turn = 0; turn < 3; turn++)
    t.same(
      both.map((one) => filter.matches(one)),
      [true, false, true],
      'whichever was asked before',
    );
});
