import t from 'tap';
import { Swarm, type Moment, type Task } from '../../../protocol/swarm/index.js';
import { addressOf, at, holding, iso, record, reservation, swarmOf, type Data } from '../../support/swarm-records.js';

/** The most addresses that are read from a field. */
const MAX_ADDRESSES = 10_000;

const taskIn = (records: Readonly<Record<string, Data>>, moment: Moment = at(0)): Task =>
  swarmOf(records).tasks(moment)[0]!;

t.test('the words for each status are read in any case, in either field', async (t) => {
  for (const [state, words] of Object.entries({
    pending: ['pending', 'queued', 'open', 'new', 'todo', 'ready', 'waiting', 'blocked', 'enqueued', 'else', ''],
    claimed: ['claimed', 'running', 'active', 'assigned', 'started', 'in_progress', 'in-progress', 'in progress'],
    done: ['done', 'complete', 'completed', 'finished', 'closed', 'success', 'succeeded', 'ok', ' DONE '],
    failed: ['failed', 'fail', 'failure', 'error', 'errored'],
    cancelled: ['cancelled', 'canceled', 'aborted', 'dropped'],
  }))
    for (const word of words) {
      t.equal(taskIn({ 'task/t': { status: word } }).state, state, word);
      t.equal(taskIn({ 'task/t': { state: word } }).state, state, word);
    }
  for (const [data, state] of [
    [{ completed_at: iso(0) }, 'done'],
    [{ finished_at: iso(0) }, 'done'],
    [{ failed_at: iso(0) }, 'failed'],
    [{ failed_at: iso(0), completed_at: iso(0) }, 'failed'],
    [{ status: 'open', completed_at: iso(0) }, 'pending'],
    [{ completed_at: 'soon' }, 'pending'],
  ] as const)
    t.equal(taskIn({ 'task/t': data }).state, state, JSON.stringify(data));
});

t.test('a task is over by its own word or by that of its claim, or else claimed if it has one', async (t) => {
  for (const [own, claim, state] of [
    ['done', { status: 'failed' }, 'done'],
    ['failed', undefined, 'failed'],
    ['cancelled', {}, 'cancelled'],
    ['open', { status: 'done' }, 'done'],
    ['open', { status: 'cancelled' }, 'cancelled'],
    ['running', { status: 'failed' }, 'failed'],
    ['open', {}, 'claimed'],
    ['open', { status: 'pending' }, 'claimed'],
    ['running', undefined, 'claimed'],
    ['open', undefined, 'pending'],
  ] as const) {
    const records = {
      'task/t': { status: own, run_id: 'own' },
      ...(claim ? { 'claim/t': { run_id: 'a', ...claim } } : {}),
    };
    const { state: found, claimedBy } = taskIn(records);
    t.equal(found, state, JSON.stringify(records));
    t.equal(claimedBy, claim ? 'a' : state === 'claimed' ? 'own' : undefined);
  }
  const unseen = at(0, { unseen: new Set(['claim'] as const) });
  t.equal(taskIn({ 'task/t': { status: 'open' } }, unseen).state, 'unknown');
  t.equal(taskIn({ 'task/t': { status: 'done' } }, unseen).state, 'done');
  t.equal(taskIn({ 'task/t': {}, 'claim/t': {} }, unseen).state, 'claimed');
  const swarm = swarmOf({ 'task/t': {} });
  const states = (): unknown[] => [at(0), unseen, at(0)].map((moment) => swarm.tasks(moment)[0]!.state);
  t.same(states(), ['pending', 'unknown', 'pending'], 'what was answered for one is not answered for the other');
  swarm.put(record('claim/t', {}));
  t.same(states(), ['claimed', 'claimed', 'claimed']);
  swarm.drop('claim', 't');
  t.same(states(), ['pending', 'unknown', 'pending']);
});

t.test(
  'of several claims the earliest counts, of equal ones the smaller id, and one without a time last',
  async (t) => {
    const claim = (seconds?: number): Data => ({
      task_id: 't',
      claimed_at: seconds === undefined ? undefined : iso(seconds),
    });
    for (const [claims, winner] of [
      [{ 'claim/a': claim(2), 'claim/b': claim(1) }, 'b'],
      [{ 'claim/b': claim(1), 'claim/a': claim(2) }, 'b'],
      [{ 'claim/a': claim(1), 'claim/b': claim(1) }, 'a'],
      [{ 'claim/b': claim(1), 'claim/a': claim(1) }, 'a'],
      [{ 'claim/a': claim(), 'claim/b': claim(1) }, 'b'],
      [{ 'claim/b': claim(1), 'claim/a': claim() }, 'b'],
      [{ 'claim/a': claim(), 'claim/b': claim() }, 'a'],
      [{ 'claim/b': claim(), 'claim/a': claim() }, 'a'],
      [{ 'claim/a': { task: 't', created_at: iso(5) }, 'claim/b': claim(4) }, 'b'],
    ] as const)
      t.equal(taskIn({ 'task/t': {}, ...claims }).claim, winner, JSON.stringify(claims));
  },
);

t.test('the fields of tasks, claims and dependencies are found under each of their names', async (t) => {
  for (const [data, wanted] of [
    [{ task_id: 'T' }, { name: 'T', id: 't' }],
    [{ task_id: ' ' }, { name: 't' }],
    [{ title: 'a', name: 'b', description: 'c' }, { title: 'a' }],
    [{ title: '', name: 'b', description: 'c' }, { title: 'b' }],
    [{ description: 'c' }, { title: 'c' }],
    [
      { queue: 'q', priority: 2.5, run_id: 'a' },
      { queue: 'q', priority: 2.5, run: 'a' },
    ],
    [{ priority: '2' }, { priority: undefined }],
    [{ created_at: iso(1), enqueued_at: iso(2) }, { createdAt: at(1).now }],
    [{ enqueued_at: iso(2) }, { createdAt: at(2).now }],
    [
      { addresses: ['x'], payload: { file: 'y', files: ['z'] } },
      { addresses: [{ text: 'x' }, { text: 'z' }, { text: 'y' }] },
    ],
    ...['addresses', 'address', 'files', 'file', 'paths', 'path'].map(
      (field) => [{ payload: { [field]: 'x' } }, { addresses: [{ text: 'x' }] }] as const,
    ),
    [{ payload: '  {"path": "x"}' }, { addresses: [{ text: 'x' }] }],
    [{ payload: '["x"]' }, { addresses: [] }],
    [{ payload: '{x' }, { addresses: [] }],
    [{ payload: 'path: x' }, { addresses: [] }],
    [{ payload: 7 }, { addresses: [] }],
  ] as const)
    t.match(taskIn({ 'task/t': data }), wanted, JSON.stringify(data));
  for (const data of [
    { task_id: 't', run_id: 'a' },
    { task: 't', claimed_by: 'a' },
    { task_id: 't', owner: 'a' },
  ])
    t.match(taskIn({ 'task/t': {}, 'claim/c': data }), { claimedBy: 'a', claim: 'c' }, JSON.stringify(data));
  const names = { task: { task_id: 'a', run_id: 'r' } };
  for (const dependent of ['task_id', 'reservation_id', 'task', 'from', 'source', 'blocked'])
    for (const depended of ['depends_on', 'dependencies', 'requires', 'blocked_by', 'waits_for', 'to', 'target'])
      t.same(
        taskIn({ 'task/1': names.task, 'dependency/d': { [dependent]: 'a', [depended]: 'b' } }).waitsFor,
        ['b'],
        `${dependent} ${depended}`,
      );
});

t.test('what a task depends on is a name, a number, or several; it waits for each that is not done', async (t) => {
  const waitsFor = (...dependencies: readonly Data[]): readonly string[] => {
    const named = dependencies.map((data, n) => [`dependency/${String(n)}`, { task_id: 'a', ...data }] as const);
    return taskIn({ 'task/a': {}, 'task/z': { status: 'done' }, ...Object.fromEntries(named) }).waitsFor;
  };
  t.same(waitsFor({ depends_on: ['c', 'b', 'z', 'b', 7, '', ' ', null, {}] }), ['7', 'b', 'c']);
  t.same(waitsFor({ depends_on: 'b' }, { requires: 'a1', depends_on: ['b'] }), ['a1', 'b']);
  t.same(waitsFor({ depends_on: 7 }), ['7']);
  t.same(waitsFor({ depends_on: ' ' }), []);
  t.same(waitsFor({ task_id: 'other', depends_on: 'b' }), []);
  t.same(waitsFor(), []);
  const bare = taskIn({ 'task/a': {}, 'dependency/a': { depends_on: 'b' } });
  t.same(bare.waitsFor, ['b'], 'a dependency without a name is that of its file');
  t.same(swarmOf({ 'dependency/d': { task_id: 'a' } }).problems(), [
    {
      kind: 'dependency',
      id: 'd',
      problems: [{ field: 'depends_on', found: 'nothing', right: 'the id of a task, or several' }],
    },
  ]);
  t.same(swarmOf({ 'dependency/d': { task_id: 'a', to: 'b' } }).problems(), []);
});

t.test('a file that was read and is no record is no task, no claim and no dependency', async (t) => {
  const swarm = new Swarm();
  const data = { task_id: 'a', depends_on: 'a' };
  swarm.put(record('task/t', { task_id: 'a' }));
  for (const key of ['task/u', 'claim/c', 'dependency/d']) swarm.put(record(key, data, 'invalid-json'));
  t.match(swarm.tasks(at(0)), [{ id: 't', state: 'pending', waitsFor: [] }]);
  t.equal(swarm.tasks(at(0)).length, 1);
  t.same(swarm.dependencyCycles(), []);
  for (const key of ['task/u', 'claim/c', 'dependency/d']) swarm.put(record(key, data, 'unreadable'));
  t.match(swarm.tasks(at(0)), [{ id: 't', state: 'claimed', waitsFor: ['a'] }, { id: 'u' }]);
  t.same(swarm.dependencyCycles(), [['a']], 'one that cannot be read says what it said last');
});

t.test('an address is read from each form that can only mean it, and the rest is a problem', async (t) => {
  for (const [addresses, held, problems] of [
    [['x', 7], ['x'], 1],
    [['x', null, ''], ['x'], 0],
    [[{ name: 'x' }, { address: 'y', path: 'z' }], ['x', 'y'], 0],
    [[{ path: ' ', file: 'x' }], ['x'], 0],
    [[{ path: 'x', symbol: 'f' }], ['x::f'], 0],
    [[{ path: 'x::g', symbol: 'f' }], ['x::g'], 0],
    [[{ path: 'x', symbol: '' }], ['x'], 0],
    [[{ path: 'x', symbol: 7 }], ['x'], 0],
    [{ 'a.py': 'modify', 'b/c': 1, 'd::e': 2 }, ['a.py', 'b/c', 'd::e'], 0],
    [{ 'a.py': 'modify', owner: 1 }, [], 1],
    [[{ 'a.py': 'modify' }], ['a.py'], 0],
    [{}, [], 1],
    ['x\r\n\ny', ['x', 'y'], 0],
    [['x', '../y'], ['x'], 1],
    [true, [], 1],
    [[], [], 1],
  ] as const) {
    const swarm = swarmOf({ 'reservation/r': reservation('a', addresses) });
    const lease = swarm.lease('r', at(0))!;
    t.same(lease.addresses.map(({ text }) => text).sort(), [...held].sort(), JSON.stringify(addresses));
    t.equal(lease.problems.length, problems, JSON.stringify(addresses));
  }
  const both = { 'reservation/r': { ...reservation('a', ['x', 'x', './x']), address: 'y' } };
  t.same(
    swarmOf(both)
      .lease('r', at(0))!
      .addresses.map(({ text }) => text),
    ['x', 'y'],
    'each once',
  );
  const one = swarmOf({ 'reservation/r': { ...reservation('a', undefined), address: 7 } }).lease('r', at(0))!;
  t.same(
    one.problems.map(({ field }) => field),
    ['address'],
    'one problem, of the field that is there',
  );
});

t.test('a reservation of more addresses than are read may hold any other, and says so', async (t) => {
  const many = Array.from({ length: MAX_ADDRESSES + 1 }, (_, n) => `x${String(n)}`);
  const swarm = swarmOf({ 'reservation/r': reservation('a', many) });
  t.same(
    [MAX_ADDRESSES - 1, MAX_ADDRESSES].map((n) => holding(swarm, `x${String(n)}`)),
    [['r'], []],
  );
  const { free, unread } = swarm.holders([addressOf('y')], at(0));
  t.same({ free, unread }, { free: 'unknown', unread: ['r'] });
  t.match(swarm.lease('r', at(0))!.problems[0]?.right, /at most 10000 addresses/);
  swarm.put(record('release/l', { reservation_id: 'r' }));
  t.equal(swarm.holders([addressOf('y')], at(0)).free, 'yes', 'when it is released');
});

t.test('an absolute path in a record is about nothing in the repository, and is reported', async (t) => {
  for (const path of ['/home/ada/shop/a.py', 'C:\\shop\\a.py']) {
    const swarm = swarmOf({ 'reservation/r': reservation('a', ['b.py', path]) });
    t.match(swarm.lease('r', at(0))!.problems, [
      { field: 'addresses', right: 'a path from the root of the repository' },
    ]);
    t.same(holding(swarm, 'b.py'), ['r'], 'the others are held');
  }
});

t.test('tasks are ordered by id', async (t) => {
  const swarm = swarmOf({ 'task/c': {}, 'task/a': {}, 'task/b': {} });
  t.same(
    swarm.tasks(at(0)).map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  swarm.put(record('intent/b', {}));
  swarm.put(record('intent/a', {}));
  t.same(
    swarm.intents(at(0)).map(({ id }) => id),
    ['a', 'b'],
  );
});
