import fc from 'fast-check';
import t from 'tap';
import {
  compileGlob,
  GlobError,
  compileFilter,
  KINDS,
  matchable,
  parseFilter,
  type Filter,
  type FilterInput,
} from '../../../protocol/index.js';
import { FilterIndex } from '../../../server/delivery/filter-index.js';

interface Item {
  readonly filter: Filter;
}

const item = (input: FilterInput): Item => ({ filter: parseFilter(input) });

function candidates(index: FilterIndex<Item>, record: ReturnType<typeof matchable>): Set<Item> {
  const items = new Set<Item>();
  index.eachCandidate(record, (found) => items.add(found));
  return items;
}

t.test('a record is compared only with filters that may match it', async (t) => {
  const index = new FilterIndex<Item>();
  const asked = {
    everything: item({}),
    types: item({ event_types: ['added'] }),
    run: item({ run_ids: ['a', 'b'], kinds: ['task'] }),
    id: item({ ids: ['r1'] }),
    address: item({ addresses: ['src/a.py::f'] }),
    glob: item({ addresses: ['src/*.py::*'] }),
    kind: item({ kinds: ['reservation'] }),
  };
  const others = [
    { run_ids: ['c'] },
    { ids: ['r2'] },
    { addresses: ['lib/**'] },
    { kinds: ['task'] },
    { branches: ['x'] },
  ];
  for (const one of [...Object.values(asked), ...others.map(item)]) index.add(one);
  const record = matchable('reservation', 'r1', { run_id: 'a', branch: 'main', addresses: ['src/a.py::f'] });
  t.same(candidates(index, record), new Set(Object.values(asked)));
  for (const one of Object.values(asked)) index.delete(one);
  t.same(candidates(index, record), new Set());
});

// Few letters, so that patterns often match addresses.
const address = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', ':', '"'), minLength: 1, maxLength: 7 });
const pattern = fc.oneof(
  address,
  fc.string({
    unit: fc.constantFrom(
      'a',
      'b',
      '/',
      '.',
      '*',
      '?',
      '[',
      ']',
      '{',
      '}',
      ',',
      '!',
      '(',
      ')',
      '+',
      '@',
      '|',
      '"',
      '\\',
      '^',
      '-',
    ),
    minLength: 1,
    maxLength: 8,
  }),
  fc
    .tuple(address, fc.constantFrom('**', '/**', '*', '/*', '{a,b}', '[ab]', '?', '+(a)', '@(a|b)', '!(a)'))
    .map((parts) => parts.join('')),
);

function isBounded(pattern: string): boolean {
  try {
    compileGlob(pattern);
    return true;
  } catch (error) {
    if (error instanceof GlobError) return false;
    throw error;
  }
}

t.test('the index finds every filter that matches, whatever its glob', async () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { minLength: 1, maxLength: 4 }),
      fc.array(address, { minLength: 1, maxLength: 6 }),
      (patterns, addresses) => {
        const index = new FilterIndex<Item>();
        // A pattern that needs backtracking is refused before it reaches an index.
        fc.pre(patterns.every(isBounded));
        const one: Item = { filter: { addresses: patterns } };
        index.add(one);
        for (const candidate of [...addresses, ...patterns]) {
          const record = matchable('task', 't', { addresses: [candidate] });
          if (compileFilter(one.filter).matches(record) && !candidates(index, record).has(one)) return false;
        }
        return true;
      },
    ),
    { numRuns: 2_000 },
  );
});

t.test('the index finds every filter that matches, whatever its fields', async () => {
  const some = <T>(values: readonly T[]) => fc.option(fc.subarray([...values], { minLength: 1 }), { nil: undefined });
  const filter = fc.record({
    kinds: some(KINDS.slice(0, 2)),
    run_ids: some(['a', 'b']),
    branches: some(['a', 'b']),
    ids: some(['a', 'b']),
    addresses: some(['a', 'a*', '**']),
  });
  const value = fc.constantFrom('a', 'b', 'c');
  const record = fc.record({
    kind: fc.constantFrom(...KINDS.slice(0, 3)),
    id: value,
    run_id: value,
    branch: value,
    addresses: fc.array(value, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 6 }), record, (inputs, { kind, id, ...data }) => {
      const index = new FilterIndex<Item>();
      const items = inputs.map((input) => item(input as FilterInput));
      for (const one of items) index.add(one);
      const sample = matchable(kind, id, data);
      const asked = candidates(index, sample);
      return items.every((one) => asked.has(one) || !compileFilter(one.filter).matches(sample));
    }),
    { numRuns: 200 },
  );
});
