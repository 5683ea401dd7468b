import t from 'tap';
import {
  explainProblem,
  isOfContent,
  LeaseBook,
  matchable,
  problemOf,
  PROBLEMS,
  recordProblems,
  unixMillis,
  type Kind,
  type RecordData,
} from '../../../protocol/index.js';

const NOW = unixMillis(Date.UTC(2026, 2, 30, 15));
const LATER = '2026-03-30T16:00:00Z';

t.test(
  'a record without what its kind needs has a problem, which names the field, its value and what is right',
  async (t) => {
    const cases: readonly (readonly [Kind, RecordData, string | undefined, RegExp?])[] = [
      ['reservation', { expires_at: LATER }, undefined],
      ['reservation', {}, 'no-expiry', /^expires_at is nothing, and should be a time in ISO 8601/],
      ['reservation', { expires_at: '' }, 'no-expiry', /^expires_at is "", and/],
      [
        'reservation',
        { expires_at: 'soon' },
        'bad-timestamp',
        /^expires_at is "soon", and should be .*2026-03-30T15:00:00Z/,
      ],
      ['reservation', { expires_at: 'x'.repeat(500) }, 'bad-timestamp', /^.{0,150}$/],
      ['heartbeat', { extended_expires_at: 'x' }, 'bad-timestamp', /^extended_expires_at is "x",/],
      ['heartbeat', {}, undefined],
      ['release', { reservation_id: 'r' }, undefined],
      ['release', {}, 'names-nothing', /^reservation_id is nothing, and should be the id/],
      ['release', { reservation_id: '' }, 'names-nothing', /^reservation_id is "",/],
      ['task', {}, undefined],
    ];
    for (const [kind, data, problem, text] of cases) {
      const found = problemOf(kind, 'id', data);
      t.equal(found, problem, `${kind} ${JSON.stringify(data).slice(0, 60)}`);
      if (text) t.match(explainProblem(kind, 'id', data, found!), text);
    }
    t.equal(problemOf('reservation', 'r', { expires_at: null }), 'no-expiry');
    t.equal(problemOf('reservation', 'r', { expires_at: 12 }), 'bad-timestamp');
    t.equal(problemOf('release', 'r', { reservation_id: 7 }), undefined);
    t.equal(problemOf('release', 'r', { reservation_id: ['r'] }), 'names-nothing');
  },
);

t.test('a name that is a number is read as its digits, by leases and by filters', async (t) => {
  const book = new LeaseBook();
  book.put('reservation', 'r', { reservation_id: 7, expires_at: LATER }, NOW);
  t.equal(book.state('r', NOW), 'live');
  book.put('release', 'x', { reservation_id: '7' }, NOW);
  t.equal(book.state('r', NOW), 'released');
  t.equal(matchable('task', 't', { run_id: 42 } as unknown as RecordData).runId, '42');
});

t.test('a single string of addresses is read as a list of one', async (t) => {
  const data = { addresses: 'src/a.py::f' } as unknown as RecordData;
  t.same(matchable('reservation', 'r', data).addresses, ['src/a.py::f']);
});

t.test(
  'a record that the bus does not read may still hold, and a file that was read and is no record holds nothing',
  async (t) => {
    const state = (problem: Parameters<LeaseBook['put']>[4], data: RecordData = { expires_at: LATER }) => {
      const book = new LeaseBook();
      book.put('reservation', 'r', data, NOW, problem);
      return [book.state('r', NOW), book.nextDeadline() === undefined];
    };
    t.same(state(undefined), ['live', false]);
    t.same(state('unreadable'), ['unknown', true]);
    t.same(state('unreadable', {}), ['unknown', true]);
    for (const problem of ['unprocessable', 'unsafe-key', 'too-deep', 'too-large', 'link'] as const)
      t.same(state(problem), ['unknown', true], problem);
    for (const problem of ['invalid-json', 'not-an-object', 'not-a-file'] as const)
      t.same(state(problem), ['none', true], problem);
    t.same(state('no-expiry', {}), ['none', true]);
  },
);

t.test('the problems of a record are that of its file, or those of its fields, in words', async (t) => {
  const text = 'and should be a text';
  const addresses = 'addresses is nothing, and should be an array of texts, ["src/billing.py::compute_total"]';
  for (const [kind, data, wanted] of [
    ['reservation', { expires_at: LATER, addresses: ['x'], run_id: [] }, [`run_id is [], ${text}`]],
    ['heartbeat', { run_id: [] }, [`run_id is [], ${text}`]],
    ['release', { reservation_id: 'r', run_id: [] }, [`run_id is [], ${text}`]],
    ['intent', {}, [addresses]],
    ['task', { title: [] }, [`title is [], ${text}`]],
    ['claim', { task_id: [] }, [`task_id is [], ${text}`]],
    ['dependency', {}, ['depends_on is nothing, and should be the id of a task, or several']],
    ['task', {}, []],
  ] as const) {
    const record = { kind, id: 'id', data: data as unknown as RecordData };
    t.same(recordProblems(record), wanted, kind);
    for (const problem of PROBLEMS)
      t.same(recordProblems({ ...record, problem }), isOfContent(problem) ? wanted : [problem], `${kind} ${problem}`);
    t.equal(
      explainProblem(kind, 'id', record.data, 'invalid-json'),
      'the file cannot be read as a record: invalid-json',
      'of a file that is no record no field is named',
    );
  }
  t.same(PROBLEMS.filter(isOfContent), ['bad-timestamp', 'no-expiry', 'names-nothing']);
});
