import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { Kind, RecordData } from '../../../protocol/index.js';
import {
  conflictForm,
  HISTORY_AFTER_MS,
  isHeld,
  leaseForm,
  overlap,
  runSituation,
  Swarm,
  type Moment,
  type SwarmRecord,
  type Wait,
  type WaitForm,
} from '../../../protocol/swarm/index.js';
import {
  addressOf as address,
  at,
  holding,
  iso,
  record,
  reservation,
  swarmOf,
  type Data,
} from '../../support/swarm-records.js';

t.test(
  'a lease is live until the later of its expiry and its extensions, and says which record extends it',
  async (t) => {
    const swarm = swarmOf({
      'reservation/r1': reservation('a', ['src/a.py']),
      'heartbeat/h1': { reservation_id: 'r1', extended_expires_at: iso(200) },
      'heartbeat/h2': { reservation_id: 'r1', extended_expires_at: iso(150) },
    });
    t.same(leaseForm(swarm.lease('r1', at(120))!), {
      reservation: 'r1',
      run_id: 'a',
      branch: 'main',
      addresses: ['src/a.py'],
      operation: null,
      state: 'live',
      expires_at: iso(100),
      effective_expires_at: iso(200),
      extended_by: 'h1',
    });
    t.equal(swarm.lease('r1', at(200))?.state, 'lapsed', 'at its end it is over');
    swarm.drop('heartbeat', 'h1');
    t.equal(leaseForm(swarm.lease('r1', at(120))!).extended_by, 'h2');
    swarm.put(record('release/x', { reservation_id: 'r1', released_at: iso(121) }));
    t.equal(swarm.lease('r1', at(122))?.state, 'released');
  },
);

t.test('a suspect lease says since when its holder is silent, on every surface; no other lease does', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['src/a.py']),
    'heartbeat/h1': { reservation_id: 'r1', last_beat_at: iso(5), extended_expires_at: iso(1_000) },
  });
  t.notOk('silent_since' in leaseForm(swarm.lease('r1', at(10))!));
  t.match(leaseForm(swarm.lease('r1', at(120))!), { state: 'suspect', silent_since: iso(5) });
  t.notOk('silent_since' in leaseForm(swarm.lease('r1', at(1_001))!), 'what has ended is not silent');
});

t.test('the id of a heartbeat names its reservation if the field is missing', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['src/a.py']),
    'heartbeat/r1': { extended_expires_at: iso(200) },
  });
  t.equal(swarm.lease('r1', at(150))?.state, 'live');
});

t.test('a reservation without a readable expiry is no lease, and its problem is reported', async (t) => {
  for (const expires_at of [undefined, null, '', 'soon', 1_774_882_800, ['2026-03-30T15:00:00Z']]) {
    const swarm = swarmOf({ 'reservation/r1': reservation('a', ['src/a.py'], { expires_at }) });
    t.equal(swarm.lease('r1', at(0))?.state, 'none', JSON.stringify(expires_at));
    t.same(holding(swarm, 'src/a.py'), []);
    t.equal(swarm.problems()[0]?.problems[0]?.field, 'expires_at', JSON.stringify(expires_at));
  }
});

t.test('a reservation whose file was read and is no record holds nothing, whatever its last data was', async (t) => {
  for (const problem of ['invalid-json', 'not-an-object', 'not-a-file'] as const) {
    const swarm = new Swarm();
    swarm.put(record('reservation/r1', reservation('a', ['src/a.py']), problem));
    t.equal(swarm.lease('r1', at(0))?.state, 'none', problem);
    t.equal(swarm.holders([address('src/a.py')], at(0)).free, 'yes');
  }
});

t.test(
  'an unreadable reservation holds what it held last, and one that was never read makes everything unknown',
  async (t) => {
    const swarm = new Swarm();
    swarm.put(record('reservation/r1', reservation('a', ['src/a.py']), 'unreadable'));
    t.equal(swarm.lease('r1', at(500))?.state, 'unknown', 'also after its end');
    t.same(holding(swarm, 'src/a.py', at(500)), ['r1']);
    t.equal(swarm.holders([address('src/b.py')], at(0)).free, 'yes');
    swarm.put(record('reservation/r2', {}, 'unreadable'));
    const { free, unread, holders } = swarm.holders([address('src/b.py')], at(0));
    t.same([free, unread, holders], ['unknown', ['r2'], []]);
    swarm.put(record('release/x', { reservation_id: 'r2' }));
    t.equal(swarm.holders([address('src/b.py')], at(0)).free, 'yes', 'released: it holds nothing');
  },
);

t.test('a lease whose end has passed is unknown while its heartbeats cannot be seen', async (t) => {
  const records = { 'reservation/r1': reservation('a', ['src/a.py']), 'heartbeat/h1': { reservation_id: 'r1' } };
  const swarm = swarmOf(records);
  t.equal(swarm.lease('r1', at(101))?.state, 'lapsed');
  t.equal(swarm.lease('r1', at(101, { unseen: new Set(['heartbeat'] as const) }))?.state, 'unknown');
  t.equal(swarm.lease('r1', at(101, { completeUntil: at(99).now }))?.state, 'unknown', 'the bus is away since 99 s');
  t.equal(swarm.lease('r1', at(101, { completeUntil: at(100).now }))?.state, 'lapsed');
  t.equal(swarm.lease('r1', at(99, { unseen: new Set(['heartbeat'] as const) }))?.state, 'live');
  swarm.put(record('heartbeat/h1', { reservation_id: 'r1' }, 'unreadable'));
  t.equal(swarm.lease('r1', at(101))?.state, 'unknown', 'its heartbeat cannot be read');
  swarm.drop('heartbeat', 'h1');
  swarm.put(record('heartbeat/h9', {}, 'unreadable'));
  t.equal(swarm.lease('r1', at(101))?.state, 'unknown', 'a heartbeat that never was read may be about it');
  t.equal(swarm.holders([address('x')], at(0, { unseen: new Set(['reservation'] as const) })).free, 'unknown');
});

t.test('a holder that sent heartbeats and went silent is suspect, and still holds', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['src/a.py'], { expires_at: iso(1_000) }),
    'reservation/r2': reservation('b', ['src/b.py'], { expires_at: iso(1_000) }),
    'heartbeat/r1': { reservation_id: 'r1', last_beat_at: iso(0), extended_expires_at: iso(1_000) },
  });
  t.equal(swarm.lease('r1', at(90))?.state, 'live');
  t.equal(swarm.lease('r1', at(91))?.state, 'suspect');
  t.equal(swarm.lease('r2', at(999))?.state, 'live', 'who never beat has no rhythm');
  t.same(holding(swarm, 'src/a.py', at(91)), ['r1']);
});

t.test('addresses are read in every form that is certain; for others a problem says what is wrong', async (t) => {
  for (const addresses of [
    ['src/a.py'],
    ['./src//a.py::'],
    'src/a.py',
    'src/b.py\nsrc/a.py',
    { address: 'src/a.py' },
    [{ path: 'src/a.py' }],
    [{ file: 'src/a.py', symbol: 'f' }],
    { 'src/a.py': 'modify' },
    ['src\\a.py'],
  ])
    t.same(
      holding(swarmOf({ 'reservation/r1': reservation('a', addresses) }), 'src/a.py'),
      ['r1'],
      JSON.stringify(addresses),
    );
  for (const [addresses, found] of [
    [undefined, 'nothing'],
    [7, '7'],
    [[7], '[7]'],
    [{}, '{}'],
    [['../x'], '"../x"'],
  ] as const) {
    const [problem] = swarmOf({ 'reservation/r1': reservation('a', addresses) }).problems();
    t.match(problem, { kind: 'reservation', id: 'r1', problems: [{ field: 'addresses', found }] });
  }
  const odd = swarmOf({ 'reservation/r1': reservation('a', ['src/a.py'], { run_id: 7, branch: 'refs/heads/main' }) });
  t.match(odd.lease('r1', at(0)), { run: '7', branch: 'main' });
});

t.test('a release that names no reservation ends nothing, and has a problem', async (t) => {
  const swarm = swarmOf({ 'reservation/r1': reservation('a', ['src/a.py']), 'release/r1': { run_id: 'a' } });
  t.equal(swarm.lease('r1', at(0))?.state, 'live');
  t.match(swarm.problems(), [{ kind: 'release', problems: [{ field: 'reservation_id', found: 'nothing' }] }]);
});

t.test('a branch is found by its short or its full name; a lease without a branch may be on any', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['x']),
    'reservation/r2': reservation('b', ['x'], { branch: 'dev' }),
    'reservation/r3': reservation('c', ['x'], { branch: null }),
  });
  for (const branch of ['main', 'refs/heads/main'])
    t.same(
      swarm.holders([address('x')], at(0), { branch }).holders.map(({ run }) => run),
      ['a', 'c'],
    );
});

t.test('two runs on one address are a collision on one branch, and a merge risk on two', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['src/a.py::f']),
    'reservation/r2': reservation('b', ['./src/a.py::f'], { branch: 'refs/heads/main' }),
    'reservation/r3': reservation('c', ['src/b.py'], { branch: 'c' }),
    'reservation/r4': reservation('d', ['src/b.py::g'], { branch: 'd' }),
    'reservation/r5': reservation('e', ['src/c.py']),
    'reservation/r6': reservation('e', ['src/c.py::h']),
    'reservation/r7': reservation('f', ['src/d.py'], { expires_at: iso(-1) }),
    'reservation/r8': reservation('g', ['src/d.py']),
  });
  t.match(swarm.conflicts(at(0)), [
    {
      type: 'address_overlap',
      severity: 'collision',
      confidence: 1,
      address: 'src/a.py::f',
      parties: [
        { run: 'a', branch: 'main' },
        { run: 'b', branch: 'main' },
      ],
    },
    {
      type: 'address_overlap',
      severity: 'merge-risk',
      address: 'src/b.py::g',
      parties: [
        { run: 'c', address: 'src/b.py' },
        { run: 'd', address: 'src/b.py::g' },
      ],
    },
  ]);
  t.equal(swarm.conflicts(at(0)).length, 2, 'neither one with itself nor with what has lapsed');
});

t.test('patterns and directories contend with what they cover, and each conflict is reported once', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['src/*.py']),
    'reservation/r2': reservation('b', ['src/a.*']),
    'reservation/r3': reservation('c', ['src/x.py::f']),
    'reservation/r4': reservation('d', ['docs/']),
    'reservation/r5': reservation('e', ['docs/*.md']),
  });
  t.same(
    swarm.conflicts(at(0)).map(({ address: where, parties }) => [where, parties.map(({ run }) => run).join()]),
    [
      ['docs/*.md', 'd,e'],
      ['src/a.*', 'a,b'],
      ['src/x.py::f', 'a,c'],
    ],
  );
});

t.test('open intents of two runs conflict if one deletes and the other modifies, renames or extracts', async (t) => {
  const intent = (run: string, operation: string, more: Data = {}): Data => ({
    run_id: run,
    branch: run,
    addresses: ['src/a.py::f'],
    operation,
    created_at: iso(0),
    reservation_id: '',
    detail: '',
    ...more,
  });
  for (const operation of ['modify', 'rename', 'extract']) {
    const swarm = swarmOf({ 'intent/i1': intent('a', 'delete'), 'intent/i2': intent('b', operation) });
    t.match(swarm.conflicts(at(0)), [
      { type: 'operation_conflict', confidence: 0.9, severity: 'merge-risk', parties: [{ run: 'a' }, { run: 'b' }] },
    ]);
  }
  for (const other of [
    intent('b', 'delete'),
    intent('b', 'move'),
    intent('a', 'modify'),
    intent('b', 'modify', { addresses: ['src/a.py::g'] }),
    intent('b', 'modify', { reservation_id: 'gone' }),
  ])
    t.same(
      swarmOf({ 'intent/i1': intent('a', 'delete'), 'intent/i2': other }).conflicts(at(0)),
      [],
      JSON.stringify(other),
    );
  const file = swarmOf({
    'intent/i1': intent('a', 'delete', { addresses: ['src/a.py'] }),
    'intent/i2': intent('b', 'modify'),
  });
  t.match(file.conflicts(at(0)), [{ address: 'src/a.py::f' }], 'a file against its symbol');
});

t.test('an intent is done when its reservation was released, has lapsed or is gone, and fades by age', async (t) => {
  const state = (intent: Data, records: Readonly<Record<string, Data>>, moment = at(0)): string => {
    const swarm = swarmOf({ ...records, 'intent/i': { run_id: 'a', addresses: ['x'], created_at: iso(0), ...intent } });
    const [found] = swarm.intents(moment);
    return found!.state.is === 'done' ? `done: ${found!.state.because}` : found!.state.is;
  };
  const held = { 'reservation/r': reservation('a', ['x']) };
  t.equal(state({ reservation_id: 'r' }, held), 'open');
  t.equal(state({ reservation_id: 'r' }, held, at(101)), 'done: lapsed');
  t.equal(state({ reservation_id: 'r' }, { ...held, 'release/r': { reservation_id: 'r' } }), 'done: released');
  t.equal(state({ reservation_id: 'r' }, {}), 'done: gone');
  t.equal(state({ reservation_id: '' }, held), 'open', "Muse's default names none: its run's lease protects it");
  t.equal(state({ reservation_id: '' }, held, at(101)), 'done: lapsed');
  t.equal(state({ reservation_id: '' }, {}), 'unprotected');
  t.equal(state({ reservation_id: '' }, {}, at(HISTORY_AFTER_MS / 1_000 + 1)), 'done: history');
  t.equal(
    state({ reservation_id: '', created_at: iso(200) }, held, at(201)),
    'unprotected',
    'announced after that lease',
  );
  t.equal(state({ reservation_id: 'r' }, {}, at(0, { unseen: new Set(['reservation'] as const) })), 'unprotected');
});

t.test('a run with an open intent waits for the holder of the address; a finished intent does not', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['src/a.py']),
    'reservation/old': reservation('b', ['src/a.py'], { expires_at: iso(-90_000) }),
    'intent/done': { run_id: 'b', reservation_id: 'old', addresses: ['src/a.py'], created_at: iso(-90_100) },
    'intent/wants': { run_id: 'c', branch: 'c', reservation_id: '', addresses: ['src/a.py::f'], created_at: iso(-5) },
    'intent/own': { run_id: 'a', reservation_id: 'r1', addresses: ['src/a.py'], created_at: iso(-5) },
  });
  t.match(swarm.waits(at(0)), [{ run: 'c', for: 'a', wanted: 'src/a.py::f', blockedBy: 'r1', isSameBranch: false }]);
  t.equal(swarm.waits(at(0)).length, 1);
});

t.test('runs that wait for one another are a deadlock', async (t) => {
  const wants = (run: string, what: string): Data => ({
    run_id: run,
    reservation_id: '',
    addresses: [what],
    created_at: iso(0),
  });
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['x']),
    'reservation/r2': reservation('b', ['y']),
    'intent/i1': wants('a', 'y'),
    'intent/i2': wants('b', 'x'),
  });
  t.same(swarm.deadlocks(at(0)), [['a', 'b']]);
});

t.test('an agent whose work ended long ago is history, and is shown again after its next record', async (t) => {
  const records: Record<string, Data> = { 'reservation/live': reservation('live', ['x']) };
  for (let job = 0; job < 40; job++) {
    const ended = -36_000 - job * 1_000;
    records[`reservation/${String(job)}`] = reservation(`job-${String(job)}`, ['x'], {
      created_at: iso(ended - 60),
      expires_at: iso(ended),
    });
  }
  const swarm = swarmOf(records);
  const states = (): string[] => swarm.agents(at(0)).map(({ state }) => state);
  t.equal(states().filter((state) => state === 'history').length, 40);
  t.equal(states().filter((state) => state === 'holding').length, 1);
  swarm.put(record('heartbeat/h', { run_id: 'job-3', reservation_id: 'other', last_beat_at: iso(-1) }));
  t.equal(swarm.agents(at(0)).find(({ run }) => run === 'job-3')?.state, 'idle');
});

t.test('the work of an agent is described by its latest intent with words, or else by its lease', async (t) => {
  const intent = (detail: unknown, operation: unknown, seconds: number): Data => ({
    run_id: 'a',
    reservation_id: 'r1',
    addresses: ['x.py::f'],
    created_at: iso(seconds),
    detail,
    operation,
  });
  const doing = (records: Readonly<Record<string, Data>>): string | undefined =>
    swarmOf({ 'reservation/r1': reservation('a', ['x.py'], { operation: 'modify' }), ...records }).agents(at(0))[0]
      ?.doing;
  t.equal(doing({}), 'modify x.py');
  t.equal(doing({ 'intent/i': intent('', 'rename', -1) }), 'rename x.py::f');
  t.equal(doing({ 'intent/z': intent('first', 'rename', -9), 'intent/a': intent('second', 'rename', -1) }), 'second');
});

t.test('records that name no run form one agent, and a number is a valid name', async (t) => {
  const swarm = swarmOf({
    'reservation/r1': reservation('a', ['x'], { run_id: undefined }),
    'reservation/r2': reservation('a', ['y'], { run_id: 7 }),
  });
  t.same(
    swarm.agents(at(0)).map(({ run, state }) => [run, state]),
    [
      [undefined, 'holding'],
      ['7', 'holding'],
    ],
  );
});

t.test('a task is pending, claimed or over, under any of the names of its fields', async (t) => {
  const swarm = swarmOf({
    'task/t1': { title: 'one', priority: 3, queue: 'q', payload: { files: ['src/a.py'] } },
    'task/t2': { task_id: 'T2', payload: '{"addresses": ["src/b.py::f"]}' },
    'task/t3': { status: 'completed' },
    'task/t4': {},
    'claim/t4': { run_id: 'a', claimed_at: iso(0) },
    'claim/c2': { task_id: 'T2', run_id: 'b', status: 'failed' },
    'dependency/d1': { task_id: 't1', depends_on: ['t3', 't4'] },
  });
  t.match(swarm.tasks(at(0)), [
    {
      name: 't1',
      title: 'one',
      priority: 3,
      queue: 'q',
      state: 'pending',
      waitsFor: ['t4'],
      addresses: [{ text: 'src/a.py' }],
    },
    { name: 'T2', state: 'failed', claimedBy: 'b', addresses: [{ text: 'src/b.py::f' }] },
    { name: 't3', state: 'done' },
    { name: 't4', state: 'claimed', claimedBy: 'a', claim: 't4' },
  ]);
  t.equal(swarm.tasks(at(0, { unseen: new Set(['claim'] as const) }))[0]?.state, 'unknown');
});

t.test('tasks that depend on one another are a cycle, under any of the names of the field', async (t) => {
  const swarm = swarmOf({
    'dependency/d1': { task_id: 'a', depends_on: 'b' },
    'dependency/d2': { from: 'b', to: 'c' },
    'dependency/d3': { task_id: 'c', blocked_by: ['a', 'z'] },
    'dependency/d4': { task_id: 'z', depends_on: null },
  });
  t.same(swarm.dependencyCycles(), [['a', 'b', 'c']]);
  t.match(swarm.problems(), [{ kind: 'dependency', id: 'd4', problems: [{ field: 'depends_on' }] }]);
});

const ids = ['1', '2', '3'];
const texts = ['x', 'x/a.py', 'x/a.py::f', 'x/*', 'y'];
const times = fc.constantFrom(-5, 10, 50, 100).map(iso);
const change = fc.record({
  kind: fc.constantFrom('reservation', 'heartbeat', 'release', 'intent' as const),
  id: fc.constantFrom(...ids),
  isGone: fc.boolean(),
  run: fc.constantFrom('a', 'b', 'c'),
  branch: fc.constantFrom('main', 'dev'),
  names: fc.constantFrom(...ids, ''),
  addresses: fc.uniqueArray(fc.constantFrom(...texts), { minLength: 1, maxLength: 2 }),
  expires: fc.oneof(times, fc.constant('soon')),
  operation: fc.constantFrom('delete', 'modify', 'move'),
  problem: fc.constantFrom(undefined, undefined, undefined, 'invalid-json', 'unreadable' as const),
});

t.test('property: a swarm that is changed step by step has the same answers as a search of all records', async () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), fc.constantFrom(0, 20, 60), (changes, seconds) => {
      const swarm = new Swarm();
      const standing = new Map<string, SwarmRecord>();
      for (const { kind, id, isGone, run, branch, names, addresses, expires, operation, problem } of changes) {
        const key = `${kind}/${id}`;
        if (isGone && standing.delete(key)) swarm.drop(kind, id);
        else if (!isGone) {
          const data = { run_id: run, branch, reservation_id: names, addresses, operation, created_at: iso(-1) };
          const made = record(key, { ...data, expires_at: expires, extended_expires_at: expires }, problem);
          standing.set(key, made);
          swarm.put(made);
        }
        // What was answered before must not be answered again after a change, or at another time.
        swarm.leases(at(seconds - 30));
      }
      const fresh = new Swarm();
      fresh.replace(standing.values());
      if (!isDeepStrictEqual(swarm.leases(at(seconds)), fresh.leases(at(seconds)))) return false;
      const plain = plainAnswers([...standing.values()], at(seconds));
      const told = {
        states: swarm
          .leases(at(seconds))
          .map(({ reservation: id, state }) => `${id} ${state}`)
          .sort(),
        holders: texts.map((text) => holding(swarm, text, at(seconds)).sort().join()),
        pairs: pairsOf(swarm, at(seconds)),
      };
      return JSON.stringify(told) === JSON.stringify(plain);
    }),
    { numRuns: 1_000 },
  );
});

t.test('a lease stays the same object while only time passes, so that twenty thousand cost nothing', async (t) => {
  const swarm = swarmOf({ 'reservation/r1': reservation('a', ['x']), 'reservation/r2': reservation('b', ['y']) });
  const [first, other] = swarm.leases(at(0));
  t.equal(swarm.leases(at(50))[0], first);
  swarm.put(record('heartbeat/h1', { reservation_id: 'r1', extended_expires_at: iso(200) }));
  t.not(swarm.lease('r1', at(50)), first);
  t.equal(swarm.lease('r2', at(50)), other);
  t.match(swarm.lease('r2', at(100)), { state: 'lapsed' });
  t.match(swarm.lease('r2', at(50)), { state: 'live' }, 'an earlier moment can be asked again');
});

t.test('only what has changed is read again', async (t) => {
  const swarm = new Swarm();
  const kept = record('reservation/r1', reservation('a', ['x']));
  swarm.replace([kept, record('reservation/r2', reservation('b', ['x']))]);
  const added = record('reservation/r3', reservation('c', ['x']));
  swarm.change(
    new Map([
      ['reservation/r2', undefined],
      ['reservation/unknown', undefined],
      ['reservation/r3', added],
    ]),
  );
  t.same(holding(swarm, 'x'), ['r1', 'r3']);
  swarm.replace([kept]);
  t.same(holding(swarm, 'x'), ['r1'], 'what was changed is known to the next replacement');
});

t.test('property: the situation of a run is what the lists of the whole swarm say of it', async () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), fc.constantFrom(0, 20, 60), (changes, seconds) => {
      const swarm = new Swarm();
      for (const { kind, id, run, branch, names, addresses, expires, operation, problem } of changes) {
        const data = { run_id: run, branch, reservation_id: names, addresses, operation, created_at: iso(-1) };
        swarm.put(record(`${kind}/${id}`, { ...data, expires_at: expires, extended_expires_at: expires }, problem));
      }
      const moment = at(seconds);
      return ['a', 'b', 'c'].every((run) => {
        const told = runSituation(swarm, moment, run);
        const waits = swarm.waits(moment).filter((wait) => wait.run !== wait.for);
        const keys = (list: readonly Wait[]): string[] =>
          list.map((wait) => `${wait.record} ${wait.wanted} ${wait.blockedBy}`).sort();
        const shown = (list: readonly WaitForm[]): string[] =>
          list.map((wait) => `${wait.record} ${wait.wanted} ${wait.blocked_by}`).sort();
        const plain = {
          leases: swarm
            .leases(moment)
            .filter((lease) => lease.run === run && (isHeld(lease) || lease.state === 'lapsed')),
          intents: swarm.intents(moment).filter((intent) => intent.run === run && intent.state.is !== 'done'),
          conflicts: swarm.conflicts(moment).filter(({ parties }) => parties.some((party) => party.run === run)),
        };
        return isDeepStrictEqual(
          [
            told.leases.map((lease) => lease.reservation),
            told.intents,
            told.conflicts,
            shown(told.waits),
            shown(told.waiters),
          ],
          [
            plain.leases.map((lease) => lease.reservation),
            plain.intents.map(({ id }) => id),
            plain.conflicts.map(conflictForm),
            keys(waits.filter((wait) => wait.run === run)),
            keys(waits.filter((wait) => wait.for === run)),
          ],
        );
      });
    }),
    { numRuns: 1_000 },
  );
});

/** Every pair of sides that contend, from all conflicts. */
function pairsOf(swarm: Swarm, moment: Moment): string[] {
  const pairs = new Set<string>();
  for (const { type, parties } of swarm.conflicts(moment)) {
    if (type !== 'address_overlap') continue;
    for (const a of parties) for (const b of parties) pairs.add(`${a.run!}@${a.branch!}-${b.run!}@${b.branch!}`);
  }
  return [...pairs].sort();
}

/** A plain reference for the rules, without an index and without state. */
function plainAnswers(records: readonly SwarmRecord[], { now }: Moment) {
  const of = (kind: Kind): SwarmRecord[] => records.filter((each) => each.kind === kind);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const time = (value: unknown): number => (value === 'soon' ? -Infinity : Date.parse(text(value)));
  const read = (each: SwarmRecord): boolean => each.problem !== 'invalid-json';
  // All heartbeats have the same time, so the one with the smallest id counts.
  const isSilent = (beats: readonly SwarmRecord[]): boolean => {
    const [beat] = [...beats].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (!beat) return false;
    const until = time(beat.data['extended_expires_at']);
    const asked = until === -Infinity ? Infinity : until - time(beat.data.created_at);
    return now - time(beat.data.created_at) > Math.min(90_000, Math.max(5_000, asked / 2));
  };
  const leases = of('reservation').map((each) => {
    const name = text(each.data['reservation_id']) || each.id;
    const beats = of('heartbeat').filter(
      (beat) => read(beat) && (text(beat.data['reservation_id']) || beat.id) === name,
    );
    const isReleased = of('release').some((release) => read(release) && release.data['reservation_id'] === name);
    const own = time(each.data['expires_at']);
    const end = own === -Infinity ? own : Math.max(own, ...beats.map((beat) => time(beat.data['extended_expires_at'])));
    const isDoubtful = beats.some(({ problem }) => problem === 'unreadable');
    let state = 'live';
    if (isReleased) state = 'released';
    else if (each.problem === 'unreadable') state = 'unknown';
    else if (!read(each) || own === -Infinity) state = 'none';
    else if (end <= now) state = isDoubtful ? 'unknown' : 'lapsed';
    else if (isSilent(beats)) state = 'suspect';
    return { id: each.id, state, data: each.data };
  });
  const holds = leases.filter(({ state }) => ['live', 'suspect', 'unknown'].includes(state));
  const addressesOf = ({ data }: { data: RecordData }): readonly string[] => data.addresses ?? [];
  const meets = (one: readonly string[], other: readonly string[]): boolean =>
    one.some((a) => other.some((b) => overlap(address(a), address(b))));
  const pairs = new Set<string>();
  const side = ({ data }: { data: RecordData }): string => `${text(data.run_id)}@${text(data.branch)}`;
  for (const a of holds) {
    for (const b of holds) {
      if (side(a) === side(b) || !meets(addressesOf(a), addressesOf(b))) continue;
      for (const [x, y] of [
        [a, b],
        [a, a],
        [b, b],
      ] as const)
        pairs.add(`${side(x)}-${side(y)}`);
    }
  }
  return {
    states: leases.map(({ id, state }) => `${id} ${state}`).sort(),
    holders: texts.map((wanted) =>
      holds
        .filter((lease) => meets(addressesOf(lease), [wanted]))
        .map(({ id }) => id)
        .sort()
        .join(),
    ),
    pairs: [...pairs].sort(),
  };
}

t.test('leases are held in the states that keep others out', async (t) => {
  const swarm = swarmOf({ 'reservation/r1': reservation('a', ['x']) });
  t.ok(isHeld(swarm.lease('r1', at(0))!));
  t.notOk(isHeld(swarm.lease('r1', at(100))!));
});
