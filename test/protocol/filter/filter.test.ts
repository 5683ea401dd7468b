import t from 'tap';
import type { ProtocolError } from '../../../protocol/index.js';
import { FILTER_LIMITS, filterKey, parseFilter } from '../../../protocol/index.js';

t.test('the input for a filter is made canonical', async (t) => {
  const cases: [unknown, unknown][] = [
    [{}, {}],
    [{ kinds: ['tasks', 'reservation', 'task'] }, { kinds: ['reservation', 'task'] }],
    [{ run_ids: ['b', 'a', 'b'] }, { run_ids: ['a', 'b'] }],
    [{ branches: undefined, ids: ['x'] }, { ids: ['x'] }],
    [{ event_types: ['removed', 'added'] }, { event_types: ['added', 'removed'] }],
    [{ addresses: ['src/**', 'src/a.py::f'] }, { addresses: ['src/**', 'src/a.py::f'] }],
  ];
  for (const [input, filter] of cases) t.same(parseFilter(input), filter, JSON.stringify(input));
});

t.test('equivalent filters have the same key, and other filters have different keys', async (t) => {
  const key = (input: unknown): string => filterKey(parseFilter(input));
  t.equal(key({ kinds: ['task', 'claims'], ids: ['1'] }), key({ ids: ['1', '1'], kinds: ['claim', 'tasks'] }));
  const different = [
    {},
    { ids: ['a'] },
    { run_ids: ['a'] },
    { branches: ['a'] },
    { addresses: ['a'] },
    { ids: ['a', 'b'] },
    { ids: ['a,b'] },
  ];
  t.equal(new Set(different.map(key)).size, different.length);
});

t.test('a mistake is refused with an error that says what is right', async (t) => {
  const cases: [unknown, RegExp][] = [
    [null, /map of fields/],
    [[], /map of fields/],
    ['kinds', /map of fields/],
    [{ kind: ['task'] }, /no field "kind", did you mean "kinds"\?/],
    [{ constructor: ['x'] }, /no field "constructor"/],
    [{ kinds: 'task' }, /filter\.kinds must be an array/],
    [{ kinds: ['tsk'] }, /"tsk" is no kind, did you mean "task"\?/],
    [{ kinds: [] }, /filter\.kinds is empty/],
    [{ run_ids: ['a', ''] }, /filter\.run_ids: a value is empty; leave it out to match any/],
    [{ branches: [' '] }, /filter\.branches: a value is empty/],
    [{ ids: [1] }, /filter\.ids must be an array of strings/],
    [{ ids: ['\ud800'] }, /filter\.ids must be an array of strings/],
    [{ ids: ['t1', 'tasks/t1'] }, /filter\.ids: "tasks\/t1" is a path: an id is the name of a file, without \.json/],
    [{ ids: ['.t1'] }, /begins with a dot/],
    [{ event_types: ['add'] }, /"add" is no event type, did you mean "added"\?/],
    [{ run_ids: ['x'.repeat(257)] }, /257 characters; at most 256/],
    [{ addresses: ['x'.repeat(10_000)] }, /at most 512/],
    [{ addresses: ['a*b*c*d*e*f*g*h*i*j'] }, /9 wildcards; at most 8/],
    [{ ids: Array.from({ length: 1_001 }, String) }, /1001 values; at most 1000 \(max_filter_terms\)/],
    [
      { ids: Array.from({ length: 600 }, String), run_ids: Array.from({ length: 401 }, String) },
      /at most 1000 \(max_filter_terms\)/,
    ],
  ];
  for (const [input, expected] of cases) {
    const error = t.throws(() => parseFilter(input), expected, JSON.stringify(input).slice(0, 60)) as ProtocolError;
    t.equal(error.code, 'bad-option');
  }
});

t.test('the given limits are applied', async (t) => {
  const limits = { ...FILTER_LIMITS, maxFilterTerms: 1, maxValueLength: 2 };
  t.same(parseFilter({ run_ids: ['ab'] }, limits), { run_ids: ['ab'] });
  t.throws(() => parseFilter({ run_ids: ['abc'] }, limits));
  t.throws(() => parseFilter({ run_ids: ['a', 'b'] }, limits));
});
