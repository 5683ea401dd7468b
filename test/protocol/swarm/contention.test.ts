import t from 'tap';
import {
  conflictForm,
  leaseForm,
  runSituation,
  Swarm,
  type Agent,
  type Conflict,
} from '../../../protocol/swarm/index.js';
import { findCycles } from '../../../protocol/swarm/cycles.js';
import { addressOf, at, iso, record, reservation, swarmOf, type Data } from '../../support/swarm-records.js';

/** The most parties of a conflict, and the most entries of a list about a run. */
const MAX_PARTIES = 100;
const MAX_LISTED = 100;

const intent = (run: string | undefined, operation: string, addresses: unknown, more: Data = {}): Data => ({
  run_id: run,
  branch: run,
  addresses,
  operation,
  created_at: iso(0),
  ...more,
});
const shortly = ({ address, parties }: Conflict): string =>
  `${address}: ${parties.map(({ run, record: id }) => `${run ?? '-'} by ${id}`).join()}`;

t.test('collisions come before merge risks, then the most parties, then by address', async (t) => {
  const swarm = swarmOf({
    'reservation/1': reservation('a', ['z', 'y', 'x', 'w']),
    'reservation/2': reservation('b', ['x']),
    'reservation/3': reservation('b', ['w'], { branch: 'dev' }),
    'reservation/4': reservation('b', ['y']),
    'reservation/5': reservation('c', ['y']),
    'reservation/6': reservation('b', ['z']),
  });
  t.same(
    swarm.conflicts(at(0)).map(({ address, severity }) => `${severity} at ${address}`),
    ['collision at y', 'collision at x', 'collision at z', 'merge-risk at w'],
  );
});

t.test('a missing branch may be any, so that two runs without one collide', async (t) => {
  for (const [one, other, severity] of [
    ['main', undefined, 'collision'],
    [undefined, undefined, 'collision'],
    ['main', 'main', 'collision'],
    ['main', 'dev', 'merge-risk'],
  ] as const) {
    const [a, b] = [reservation('a', ['x'], { branch: one }), reservation('b', ['x'], { branch: other })];
    t.equal(swarmOf({ 'reservation/1': a, 'reservation/2': b }).conflicts(at(0))[0]?.severity, severity);
  }
  const alone = { 'reservation/1': reservation('a', ['x']), 'reservation/2': reservation('a', ['x']) };
  t.same(swarmOf(alone).conflicts(at(0)), [], 'a run does not contend with itself');
  const twice = { ...alone, 'reservation/2': reservation('a', ['x'], { branch: 'dev' }) };
  t.equal(swarmOf(twice).conflicts(at(0))[0]?.severity, 'merge-risk', 'but it does on two branches');
});

t.test('each side is named once, by the smallest id of its records, in whatever order they came', async (t) => {
  for (const ids of [
    ['1', '2', '3'],
    ['3', '2', '1'],
  ]) {
    const swarm = new Swarm();
    for (const id of ids) swarm.put(record(`reservation/${id}`, reservation(id === '1' ? 'b' : 'a', ['x'])));
    t.same(swarm.conflicts(at(0)).map(shortly), ['x: a by 2,b by 1']);
  }
});

t.test('a conflict lists so many parties, and says if there are more', async (t) => {
  const swarm = new Swarm();
  const add = (n: number): void =>
    swarm.put(record(`reservation/${String(n)}`, reservation(`run-${String(n).padStart(3, '0')}`, ['x'])));
  for (let n = 0; n < MAX_PARTIES; n++) add(n);
  const found = (): unknown => {
    const [conflict] = swarm.conflicts(at(0)).map(conflictForm);
    return [conflict!.parties.length, conflict!.has_more];
  };
  t.same(found(), [MAX_PARTIES, false]);
  add(MAX_PARTIES);
  t.same(found(), [MAX_PARTIES, true]);
  const intents = new Swarm();
  intents.put(record('intent/0', intent('deleting', 'delete', ['x'])));
  for (let n = 1; n <= MAX_PARTIES; n++)
    intents.put(record(`intent/${String(n)}`, intent(`run-${String(n)}`, 'modify', ['x'])));
  t.match(intents.conflicts(at(0)), [{ parties: { length: MAX_PARTIES }, hasMore: true }]);
});

t.test('operations that exclude each other are one conflict at each of the narrower addresses', async (t) => {
  const swarm = swarmOf({
    'intent/1': intent('a', 'delete', ['src']),
    'intent/2': intent('b', 'modify', ['src/x.py']),
    'intent/3': intent('c', 'rename', ['src/x.py']),
    'intent/4': intent('d', 'delete', ['src/x.py']),
    'intent/5': intent('e', 'extract', ['src/y.py']),
    'intent/6': intent('f', 'modify', ['lib']),
    'intent/7': intent('g', 'modify', ['.']),
    'intent/8': intent('h', 'create', ['src/x.py']),
    'intent/9': intent('a', 'modify', ['src/x.py']),
  });
  t.same(swarm.conflicts(at(0)).map(shortly), [
    'src/x.py: a by 1,b by 2,c by 3,d by 4,g by 7',
    'src: a by 1,g by 7',
    'src/y.py: a by 1,e by 5',
  ]);
});

t.test('the form of a conflict has null for what a record does not say', async (t) => {
  const swarm = swarmOf({
    'reservation/1': reservation(undefined, ['x'], { branch: undefined, operation: 'modify' }),
    'reservation/2': reservation('b', ['x']),
  });
  t.strictSame(swarm.conflicts(at(0)).map(conflictForm), [
    {
      type: 'address_overlap',
      severity: 'collision',
      confidence: 1,
      address: 'x',
      parties: [
        { run_id: null, branch: null, record: '1', address: 'x', operation: 'modify' },
        { run_id: 'b', branch: 'main', record: '2', address: 'x', operation: null },
      ],
      has_more: false,
    },
  ]);
});

t.test('a run waits for each side that holds what it wants, once, by the smallest id of its leases', async (t) => {
  const waits = (records: Readonly<Record<string, Data>>): string[] =>
    swarmOf(records)
      .waits(at(0))
      .map(
        (w) => `${w.run ?? '-'} for ${w.for ?? '-'} at ${w.wanted} by ${w.blockedBy}${w.isSameBranch ? '' : ', apart'}`,
      );
  const wants = intent('w', 'modify', ['x', 'y'], { branch: 'main' });
  const held = {
    'reservation/2': reservation('a', ['x']),
    'reservation/1': reservation('a', ['x']),
    'reservation/3': reservation('a', ['x'], { branch: 'dev' }),
    'reservation/4': reservation('b', ['y'], { branch: undefined }),
    'reservation/5': reservation('c', ['y'], { expires_at: iso(-1) }),
  };
  const expected = ['w for a at x by 1', 'w for a at x by 3, apart', 'w for b at y by 4'];
  t.same(waits({ ...held, 'intent/i': wants }), expected);
  const reversed = Object.fromEntries(Object.entries(held).reverse());
  t.same(waits({ ...reversed, 'intent/i': wants }).sort(), expected);
  t.same(
    waits({ ...held, 'intent/i': { ...wants, branch: undefined } }),
    expected.map((wait) => wait.replace(', apart', '')),
  );
  t.same(waits({ ...held, 'reservation/9': reservation('w', ['x']), 'intent/i': wants }), ['w for b at y by 4']);
});

t.test('a run waits for the run that has claimed what its own task depends on, until that is done', async (t) => {
  const swarm = swarmOf({
    'task/t1': {},
    'task/t2': {},
    'task/t3': { status: 'running', run_id: 'c' },
    'task/t4': {},
    'claim/c1': { task_id: 't1', run_id: 'a' },
    'claim/c2': { task_id: 't2', run_id: 'b' },
    'dependency/d1': { task_id: 't1', depends_on: ['t2', 't3', 't4', 'unknown', 't1'] },
    'dependency/d2': { task_id: 't4', depends_on: ['t2'] },
  });
  const waits = (run: string): unknown[] => {
    const { waits: own, waiters } = runSituation(swarm, at(0), run);
    return [own, waiters].map((list) =>
      list.map((w) => `${w.run_id!} for ${w.for!} at ${w.wanted} by ${w.blocked_by}`),
    );
  };
  const [forB, forC] = ['a for b at t2 by c2', 'a for c at t3 by t3'];
  t.same(waits('a'), [[forB, forC], []]);
  t.same(waits('b'), [[], [forB]]);
  t.same(waits('c'), [[], [forC]]);
  t.match(swarm.waits(at(0)), [{ by: 'dependency', record: 't1', isSameBranch: true, branch: undefined }, {}]);
  swarm.put(record('task/t2', { status: 'done' }));
  t.same(waits('a'), [[forC], []]);
  swarm.put(record('claim/c3', { task_id: 't3', run_id: 'a' }));
  t.same(waits('a'), [[], []], 'nobody waits for itself');
});

t.test('every cycle is found once, from its smallest name, and a long chain is none', async (t) => {
  const graph = (edges: Readonly<Record<string, readonly string[]>>) => findCycles(new Map(Object.entries(edges)));
  t.same(graph({}), []);
  t.same(graph({ a: ['a'] }), [['a']]);
  t.same(graph({ c: ['a'], b: ['c'], a: ['b'] }), [['a', 'b', 'c']]);
  t.same(graph({ z: ['y'], y: ['z'], a: ['b'], b: ['a'], c: ['a', 'z'] }), [
    ['a', 'b'],
    ['y', 'z'],
  ]);
  t.same(graph({ a: ['b', 'c'], b: ['a'], c: ['a'] }), [
    ['a', 'b'],
    ['a', 'c'],
  ]);
  t.same(graph({ a: ['b', 'd'], b: ['c'], d: ['c'], c: ['e'] }), [], 'two ways to one end are no cycle');
  t.same(graph({ x: ['a'], a: ['b'], b: ['a'] }), [['a', 'b']], 'what leads into a cycle is no part of it');
  const chain = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`n${String(n)}`, [`n${String(n + 1)}`]]));
  t.same(graph(chain), []);
});

t.test('runs that wait for one another are a deadlock; a run without a name is in none', async (t) => {
  const swarm = swarmOf({
    'reservation/1': reservation('a', ['x']),
    'reservation/2': reservation('b', ['y']),
    'reservation/3': reservation('c', ['z']),
    'reservation/4': reservation(undefined, ['u']),
    'intent/1': intent('a', 'modify', ['z', 'y']),
    'intent/2': intent('b', 'modify', ['x']),
    'intent/3': intent('c', 'modify', ['x', 'u']),
    'intent/4': intent(undefined, 'modify', ['z']),
  });
  t.same(swarm.deadlocks(at(0)), [
    ['a', 'b'],
    ['a', 'c'],
  ]);
});

t.test('an agent is what its leases are, or else what its last record says', async (t) => {
  const agent = (records: Readonly<Record<string, Data>>, seconds = 0): Agent =>
    swarmOf(records)
      .agents(at(seconds))
      .find(({ run }) => run === 'a')!;
  const beat = (name: string): Data => ({ reservation_id: name, run_id: 'a', last_beat_at: iso(0) });
  const long = { expires_at: iso(9_000) };
  const r1 = { 'reservation/r1': reservation('a', ['x'], long), 'heartbeat/r1': beat('r1') };
  t.match(agent(r1, 90), { state: 'holding', silentMs: 90_000 });
  t.match(agent(r1, 91), { state: 'suspect' });
  t.match(
    agent({ ...r1, 'reservation/r2': reservation('a', ['y'], long) }, 91),
    { state: 'holding' },
    'not all of them',
  );
  const short = { 'reservation/r1': reservation('a', ['x']) };
  t.match(agent(short, 100), { state: 'lapsed', held: [], lapsed: [{ reservation: 'r1' }] });
  t.match(agent(short, 3_700), { state: 'lapsed' });
  t.match(agent(short, 3_701), { state: 'history', lapsed: [] });
  const released = { ...short, 'release/x': { reservation_id: 'r1', run_id: 'a', released_at: iso(50) } };
  t.match(agent(released, 60), { state: 'idle', seenAt: at(50).now, silentMs: 10_000 });
  t.match(agent(released, 3_650), { state: 'idle' });
  t.match(agent(released, 3_651), { state: 'history' });
  t.match(agent({ 'task/t': { run_id: 'a' } }, 9_999), { state: 'idle', seenAt: undefined, silentMs: undefined });
  t.match(agent({ 'claim/c': { claimed_by: 'a', claimed_at: iso(3) } }, 5), { seenAt: at(3).now });
});

t.test('an agent was seen at the latest time of its records, and never in the future', async (t) => {
  const seen = (...records: readonly Data[]): unknown => {
    const named = records.map((data, n) => [`task/${String(n)}`, { run_id: 'a', ...data }] as const);
    return swarmOf(Object.fromEntries(named)).agents(at(60))[0]?.seenAt;
  };
  for (const field of ['last_beat_at', 'released_at', 'claimed_at', 'completed_at', 'updated_at', 'created_at'])
    t.equal(seen({ [field]: iso(3) }), at(3).now, field);
  t.equal(seen({ created_at: iso(3), updated_at: iso(5), completed_at: iso(4) }), at(5).now);
  t.equal(seen({ updated_at: iso(5) }, { updated_at: iso(9) }, { updated_at: iso(7) }), at(9).now);
  t.equal(seen({ updated_at: iso(61) }, { updated_at: iso(5) }), at(60).now);
  t.equal(seen({}), undefined);
});

t.test('an agent is on the branches of what it holds, or else on that of its latest record', async (t) => {
  const branches = (records: Readonly<Record<string, Data>>): readonly string[] =>
    swarmOf(records).agents(at(60))[0]!.branches;
  const task = (branch: unknown, seconds?: number): Data => ({
    run_id: 'a',
    branch,
    created_at: seconds === undefined ? undefined : iso(seconds),
  });
  const held = (branch: unknown, id: string): Readonly<Record<string, Data>> => ({
    [`reservation/${id}`]: reservation('a', ['x'], { branch }),
  });
  t.same(branches({ ...held('main', '1'), ...held('dev', '2'), ...held('main', '3') }), ['dev', 'main']);
  t.same(branches({ ...held(undefined, '1') }), []);
  t.same(branches({ ...held(undefined, '1'), 'task/t': task('dev', 5) }), ['dev'], 'a lease that says none');
  t.same(branches({ ...held('main', '1'), 'task/t': task('dev', 5) }), ['main']);
  t.same(branches({ 'task/1': task('old', 1), 'task/2': task('new', 2), 'task/3': task(undefined, 3) }), ['new']);
  t.same(branches({ 'task/2': task('new', 2), 'task/1': task('old', 1) }), ['new']);
  t.same(branches({ 'task/1': task('b', 1), 'task/2': task('a', 1) }), ['a'], 'of equal ones the first by name');
  t.same(branches({ 'task/1': task('a', 1), 'task/2': task('b', 1) }), ['a']);
  t.same(branches({ 'task/1': task('timeless'), 'task/2': task('dated', 1) }), ['dated']);
  t.same(branches({ 'task/1': task('timeless') }), ['timeless']);
  t.same(branches({ 'task/1': task(undefined, 1) }), []);
});

t.test('agents are ordered by name, their leases by the end and then by id', async (t) => {
  const swarm = swarmOf({
    'reservation/1': reservation('b', ['x'], { expires_at: iso(300) }),
    'reservation/3': reservation('b', ['x'], { expires_at: iso(200) }),
    'reservation/2': reservation('b', ['x'], { expires_at: iso(200) }),
    'reservation/5': reservation('b', ['x'], { expires_at: iso(-5) }),
    'reservation/4': reservation('b', ['x'], { expires_at: iso(-9) }),
    'task/1': { run_id: 'c' },
    'task/2': {},
    'task/3': { run_id: 'a' },
  });
  const agents = swarm.agents(at(0));
  t.same(
    agents.map(({ run }) => run),
    [undefined, 'a', 'b', 'c'],
  );
  const [, , { held, lapsed }] = agents as [Agent, Agent, Agent];
  t.same(
    [held, lapsed].map((leases) => leases.map(({ reservation: id }) => id)),
    [
      ['2', '3', '1'],
      ['4', '5'],
    ],
  );
  swarm.put(record('reservation/0', reservation('b', ['x'], { expires_at: 'x' }), 'unreadable'));
  t.equal(swarm.leases(at(0)).at(-1)?.reservation, '0', 'one without a known end is the last');
});

t.test('an agent does what its latest open intent says, by its time and then by its id', async (t) => {
  const doing = (records: Readonly<Record<string, Data>>): string | undefined =>
    swarmOf(records).agents(at(0))[0]?.doing;
  const says = (detail: string, seconds?: number, more: Data = {}): Data =>
    intent('a', 'modify', ['x'], { detail, created_at: seconds === undefined ? undefined : iso(seconds), ...more });
  t.equal(doing({ 'intent/1': says('one', -1), 'intent/2': says('two', -2) }), 'one');
  t.equal(doing({ 'intent/2': says('two', -2), 'intent/1': says('one', -1) }), 'one');
  t.equal(doing({ 'intent/1': says('one', -1), 'intent/2': says('two', -1) }), 'two');
  t.equal(doing({ 'intent/2': says('two', -1), 'intent/1': says('one', -1) }), 'two');
  t.equal(doing({ 'intent/1': says('timeless'), 'intent/2': says('two', -1) }), 'two');
  t.equal(doing({ 'intent/1': says('one', -1, { reservation_id: 'gone' }), 'intent/2': says('two', -2) }), 'two');
  const lease = {
    'reservation/1': reservation('a', ['y']),
    'reservation/2': reservation('a', [], { operation: 'move' }),
  };
  t.equal(doing(lease), 'move', 'or else what a lease is for');
  t.equal(doing({ 'reservation/1': reservation('a', ['y']) }), undefined);
});

t.test('the situation of a run lists so many of each, and says if it leaves something out', async (t) => {
  const swarm = new Swarm();
  for (let n = 0; n < MAX_LISTED; n++) swarm.put(record(`reservation/${String(n)}`, reservation('a', ['x'])));
  const told = (more = {}) => runSituation(swarm, at(0, more), 'a');
  t.match(told(), { is_complete: true, leases: { length: MAX_LISTED } });
  t.match(told({ unseen: new Set(['task']) }), { is_complete: false });
  t.match(told({ unseen: new Set() }), { is_complete: true });
  swarm.put(record('reservation/more', reservation('a', ['x'])));
  t.match(told(), { is_complete: false, leases: { length: MAX_LISTED } });
});

t.test('the situation of a run has the leases that it holds, and those that lapsed within the last hour', async (t) => {
  const swarm = swarmOf({
    'reservation/late': reservation('a', ['x'], { expires_at: iso(300) }),
    'reservation/soon': reservation('a', ['x'], { expires_at: iso(200) }),
    'reservation/lapsed': reservation('a', ['x'], { expires_at: iso(-3_600) }),
    'reservation/old': reservation('a', ['x'], { expires_at: iso(-3_601) }),
    'reservation/released': reservation('a', ['x']),
    'release/1': { reservation_id: 'released' },
    'reservation/other': reservation('b', ['y']),
    'intent/2': intent('a', 'modify', ['x']),
    'intent/1': intent('a', 'modify', ['y']),
    'intent/done': intent('a', 'modify', ['x'], { reservation_id: 'gone' }),
    'intent/3': intent('c', 'modify', ['x']),
  });
  const { leases, intents, waits, waiters } = runSituation(swarm, at(0), 'a');
  t.same(
    leases.map(({ reservation: id }) => id),
    ['lapsed', 'soon', 'late'],
  );
  t.same(leases[1], leaseForm(swarm.lease('soon', at(0))!));
  t.same(intents, ['1', '2']);
  const wait = { branch: 'a', run_id: 'a', for: 'b', same_branch: false, by: 'intent', record: '1', wanted: 'y' };
  t.strictSame(waits, [{ ...wait, blocked_by: 'other' }]);
  t.match(waiters, [{ run_id: 'c', for: 'a', blocked_by: 'late' }]);
  t.match(runSituation(swarm, at(0), 'unknown'), { leases: [], waits: [], waiters: [], intents: [], conflicts: [] });
});

t.test('an address is asked about with all that covers it and all below it, on a branch if one is named', async (t) => {
  const swarm = swarmOf({
    'reservation/3': reservation('a', ['src', 'src/a.py']),
    'reservation/2': reservation('b', ['src/a.py::f'], { expires_at: iso(50) }),
    'reservation/1': reservation('c', ['lib'], { branch: undefined }),
    'reservation/4': reservation('d', ['src/a.py'], { branch: 'dev' }),
  });
  const holders = (texts: readonly string[], branch?: string): string[] =>
    swarm.holders(texts.map(addressOf), at(0), { branch }).holders.map(({ reservation: id }) => id);
  t.same(holders(['src/a.py']), ['2', '3', '4'], 'by their end, then by id, each once');
  t.same(holders(['src/a.py', 'lib/x']), ['2', '1', '3', '4']);
  t.same(holders(['src/a.py', 'lib'], 'dev'), ['1', '4']);
  t.same(holders(['src/a.py', 'lib'], 'refs/heads/dev'), ['1', '4']);
  t.same(holders(['src/a.py'], 'other'), []);
  t.same(holders([]), []);
  t.same(
    swarm.leases(at(0), { branch: 'dev' }).map(({ reservation: id }) => id),
    ['1', '4'],
  );
  t.same(
    swarm.held(at(60)).map(({ reservation: id }) => id),
    ['1', '3', '4'],
  );
});

t.test('a record that is dropped is in no answer any more, whatever its kind', async (t) => {
  const records = {
    'reservation/r': reservation('a', ['x'], { created_at: 7 }),
    'heartbeat/h': { run_id: 'h', reservation_id: 'r', extended_expires_at: 'soon' },
    'release/l': { run_id: 'l' },
    'intent/i': intent('i', 'delete', ['x'], { created_at: 7 }),
    'task/t': { run_id: 't', created_at: 7 },
    'claim/c': { run_id: 'c', claimed_at: 7 },
    'dependency/d': { run_id: 'd' },
  };
  const swarm = swarmOf(records);
  const answers = (): unknown => [
    swarm.agents(at(0)).map(({ run }) => run),
    swarm.problems().map(({ kind }) => kind),
    swarm.holders([addressOf('x')], at(0)).free,
    swarm.intents(at(0)).length,
    swarm.tasks(at(0)).length,
    swarm.waits(at(0)).length,
  ];
  t.same(answers(), [
    ['a', 'c', 'd', 'h', 'i', 'l', 't'],
    ['reservation', 'intent', 'release', 'heartbeat', 'task', 'claim', 'dependency'],
    'no',
    1,
    1,
    1,
  ]);
  for (const key of Object.keys(records)) {
    const { kind, id } = record(key, {});
    swarm.drop(kind, id);
    swarm.drop(kind, id);
  }
  t.same(answers(), [[], [], 'yes', 0, 0, 0]);
  t.same(swarm.parts[4], new Map());
  swarm.put(record('reservation/r', {}, 'unreadable'));
  t.same(swarm.holders([addressOf('x')], at(0)).free, 'unknown');
  swarm.drop('reservation', 'r');
  t.same(swarm.holders([addressOf('x')], at(0)).free, 'yes');
});
