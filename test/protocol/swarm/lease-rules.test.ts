import t from 'tap';
import { describeIntent, endOf, isHeld, Swarm, type Lease } from '../../../protocol/swarm/index.js';
import { at, holding, iso, record, reservation, swarmOf, type Data } from '../../support/swarm-records.js';

const R1 = { 'reservation/r1': reservation('a', ['x'], { expires_at: iso(1_000) }) };
const leaseIn = (records: Readonly<Record<string, Data>>, seconds = 0): Lease =>
  swarmOf({ ...R1, ...records }).lease('r1', at(seconds))!;
const beat = (from: unknown, until: unknown, more: Data = {}): Data => ({
  reservation_id: 'r1',
  last_beat_at: from,
  extended_expires_at: until,
  ...more,
});

t.test(
  'a holder is silent after half of what its last heartbeat asked for, at least 5 s and at most 90 s',
  async (t) => {
    for (const [from, until, silentAfter] of [
      [0, 4, 5],
      [0, 10, 5],
      [0, 11, 5.5],
      [0, 100, 50],
      [0, 180, 90],
      [0, 1_000, 90],
      [0, undefined, 90],
      [7, 47, 27],
    ] as const) {
      const records = { 'heartbeat/h': beat(iso(from), until === undefined ? undefined : iso(until)) };
      t.equal(leaseIn(records, silentAfter).state, 'live', `${String(from)} to ${String(until)}`);
      t.equal(leaseIn(records, silentAfter + 0.001).state, 'suspect', `${String(from)} to ${String(until)}, later`);
    }
    t.equal(leaseIn({ 'heartbeat/h': beat(undefined, iso(4)) }, 999).state, 'live', 'no time, no rhythm');
    t.equal(leaseIn({ 'heartbeat/h': { reservation_id: 'r1', created_at: iso(0) } }, 91).state, 'suspect');
  },
);

t.test(
  'of several heartbeats the latest says whether the holder is silent, of equal ones the smaller id',
  async (t) => {
    const early = beat(iso(0), iso(10));
    const late = beat(iso(20), iso(120));
    for (const records of [
      { 'heartbeat/h1': early, 'heartbeat/h2': late, 'heartbeat/h3': beat(undefined, iso(5)) },
      { 'heartbeat/h2': late, 'heartbeat/h1': early },
    ]) {
      t.equal(leaseIn(records, 70).state, 'live');
      t.match(leaseIn(records, 71), { state: 'suspect', lastBeatAt: at(20).now });
    }
    const [short, long] = [beat(iso(0), iso(10)), beat(iso(0), iso(100))];
    t.equal(leaseIn({ 'heartbeat/a': short, 'heartbeat/b': long }, 6).state, 'suspect');
    t.equal(leaseIn({ 'heartbeat/b': long, 'heartbeat/a': short }, 6).state, 'suspect');
    t.equal(leaseIn({ 'heartbeat/a': long, 'heartbeat/b': short }, 6).state, 'live');
  },
);

t.test('the heartbeat that extends a lease furthest is named, of equal ones the smaller id', async (t) => {
  for (const [records, by, end] of [
    [{ 'heartbeat/b': beat(undefined, iso(2_000)), 'heartbeat/a': beat(undefined, iso(2_000)) }, 'a', 2_000],
    [{ 'heartbeat/a': beat(undefined, iso(2_000)), 'heartbeat/b': beat(undefined, iso(2_000)) }, 'a', 2_000],
    [{ 'heartbeat/a': beat(undefined, iso(1_500)), 'heartbeat/b': beat(undefined, iso(2_000)) }, 'b', 2_000],
    [{ 'heartbeat/b': beat(undefined, iso(2_000)), 'heartbeat/a': beat(undefined, iso(1_500)) }, 'b', 2_000],
    [{ 'heartbeat/a': beat(undefined, iso(1_000)) }, undefined, 1_000],
    [{ 'heartbeat/a': beat(undefined, 'soon') }, undefined, 1_000],
  ] as const)
    t.match(leaseIn(records), { extendedBy: by, effectiveExpiry: at(end).now }, JSON.stringify(records));
  const none = leaseIn({
    'reservation/r1': reservation('a', ['x'], { expires_at: 'x' }),
    'heartbeat/a': beat(0, iso(9)),
  });
  t.match(
    none,
    { state: 'none', extendedBy: undefined, effectiveExpiry: undefined },
    'what has no end is not extended',
  );
});

t.test('of several releases the earliest counts; one without a time only if none has one', async (t) => {
  const release = (released_at?: string): Data => ({ reservation_id: 'r1', released_at });
  for (const [releases, ended] of [
    [[iso(5), iso(3), iso(4)], 3],
    [[iso(3), iso(5)], 3],
    [[undefined, iso(5)], 5],
    [[iso(5), undefined], 5],
    [[undefined], undefined],
  ] as const) {
    const records = Object.fromEntries(releases.map((time, n) => [`release/${String(n)}`, release(time)]));
    t.match(leaseIn(records), { state: 'released', releasedAt: ended === undefined ? undefined : at(ended).now });
  }
  t.equal(leaseIn({ 'release/x': { reservation_id: 'r1', created_at: iso(2) } }).releasedAt, at(2).now);
});

t.test('when a lease ended is said by what ended it, or else by what is known last', async (t) => {
  const release = { reservation_id: 'r1' };
  for (const [records, seconds, ended] of [
    [{}, 0, undefined],
    [{}, 1_000, 1_000],
    [{ 'heartbeat/h': beat(iso(3), iso(2_000)) }, 2_000, 2_000],
    [{ 'release/x': { ...release, released_at: iso(9) }, 'heartbeat/h': beat(iso(3), iso(4)) }, 0, 9],
    [{ 'release/x': release, 'heartbeat/h': beat(iso(3), iso(4)) }, 0, 3],
    [{ 'release/x': release }, 0, 0],
    [{ 'reservation/r1': reservation('a', ['x'], { expires_at: null, created_at: iso(1) }) }, 0, 1],
  ] as const)
    t.equal(endOf(leaseIn(records, seconds)), ended === undefined ? undefined : at(ended).now, JSON.stringify(records));
});

t.test('an end is certain only if nothing that could have moved it is out of sight', async (t) => {
  const swarm = swarmOf(R1);
  const state = (seconds: number, more: Parameters<typeof at>[1]) => swarm.lease('r1', at(seconds, more))!.state;
  t.equal(state(1_001, {}), 'lapsed');
  for (const kind of ['heartbeat', 'reservation'] as const)
    t.equal(state(1_001, { unseen: new Set([kind]) }), 'unknown');
  t.equal(state(1_001, { unseen: new Set(['task', 'release'] as const) }), 'lapsed');
  t.equal(state(1_001, { completeUntil: at(999).now }), 'unknown');
  t.equal(state(1_001, { completeUntil: at(1_000).now }), 'lapsed');
  t.ok(isHeld(swarm.lease('r1', at(1_001, { completeUntil: at(999).now }))!));
});

t.test(
  'a heartbeat that cannot be read keeps its own lease, and one that was never read keeps every lease',
  async (t) => {
    const swarm = swarmOf({ ...R1, 'reservation/r2': reservation('b', ['y'], { expires_at: iso(1_000) }) });
    const states = (): unknown[] => ['r1', 'r2'].map((id) => swarm.lease(id, at(1_001))!.state);
    t.same(states(), ['lapsed', 'lapsed']);
    swarm.put(record('heartbeat/h', beat(iso(0), iso(5)), 'unreadable'));
    t.same(states(), ['unknown', 'lapsed']);
    swarm.put(record('heartbeat/h', beat(iso(999), iso(2_000)), 'unreadable'));
    t.same(states(), ['live', 'lapsed'], 'what was read of it last still counts');
    swarm.put(record('heartbeat/h', beat(iso(999), iso(2_000)), 'invalid-json'));
    t.same(states(), ['lapsed', 'lapsed'], 'a file that was read and is no record says nothing');
    swarm.put(record('heartbeat/h', {}, 'unreadable'));
    t.same(states(), ['unknown', 'unknown']);
    swarm.put(record('heartbeat/h', {}, 'invalid-json'));
    t.same(states(), ['lapsed', 'lapsed']);
    swarm.put(record('heartbeat/h', {}, 'unreadable'));
    swarm.drop('heartbeat', 'h');
    t.same(states(), ['lapsed', 'lapsed']);
  },
);

t.test('a record that turns to another lease, or goes, no longer counts for the first', async (t) => {
  const swarm = swarmOf({ ...R1, 'reservation/r2': reservation('b', ['y'], { expires_at: iso(1_000) }) });
  const states = (): unknown[] => ['r1', 'r2'].map((id) => swarm.lease(id, at(1_001))!.state);
  const put = (key: string, name: string): void =>
    swarm.put(record(key, beat(iso(1_000), iso(1_100), { reservation_id: name })));
  states();
  put('heartbeat/h', 'r1');
  t.same(states(), ['live', 'lapsed']);
  put('heartbeat/h', 'r2');
  t.same(states(), ['lapsed', 'live']);
  swarm.drop('heartbeat', 'h');
  t.same(states(), ['lapsed', 'lapsed']);
  put('release/x', 'r1');
  t.same(states(), ['released', 'lapsed']);
  put('release/x', 'r2');
  t.same(states(), ['lapsed', 'released']);
  swarm.drop('release', 'x');
  t.same(states(), ['lapsed', 'lapsed']);
  t.equal(swarm.lease('unknown', at(0)), undefined);
});

t.test('two reservations of one name end by the same release, and both are extended', async (t) => {
  const named = (run: string): Data => reservation(run, ['x'], { reservation_id: 'lease' });
  const swarm = swarmOf({ 'reservation/r1': named('a'), 'reservation/r2': named('b') });
  swarm.put(record('heartbeat/h', beat(undefined, iso(200), { reservation_id: 'lease' })));
  t.same(holding(swarm, 'x', at(150)), ['r1', 'r2']);
  swarm.drop('reservation', 'r1');
  t.same(holding(swarm, 'x', at(150)), ['r2']);
  swarm.put(record('release/x', { reservation_id: 'lease' }));
  t.same(holding(swarm, 'x', at(150)), []);
});

t.test(
  'a release whose file cannot be read still ends what it ended; one that is no record ends nothing',
  async (t) => {
    const swarm = new Swarm();
    swarm.put(record('reservation/r1', reservation('a', ['x'])));
    const state = (problem?: 'unreadable' | 'invalid-json'): unknown => {
      swarm.put(record('release/x', { reservation_id: 'r1' }, problem));
      return swarm.lease('r1', at(0))!.state;
    };
    t.same([state(), state('unreadable'), state('invalid-json')], ['released', 'released', 'live']);
  },
);

t.test('the problems of a record are those of its fields, while it can be read', async (t) => {
  const problems = (key: string, data: Data, problem?: 'unreadable' | 'invalid-json'): unknown => {
    const swarm = new Swarm();
    swarm.put(record(key, data, problem));
    return swarm.problems().map(({ kind, id, problems: found }) => [`${kind}/${id}`, found.map(({ field }) => field)]);
  };
  for (const [key, data, fields] of [
    ['reservation/r', {}, ['addresses', 'expires_at']],
    ['reservation/r', { addresses: ['x'], expires_at: 'soon', created_at: 7 }, ['created_at', 'expires_at']],
    ['reservation/r', { addresses: 7, run_id: [], branch: {} }, ['run_id', 'branch', 'addresses', 'expires_at']],
    ['intent/i', {}, ['addresses']],
    ['heartbeat/h', { last_beat_at: 'now', extended_expires_at: [] }, ['last_beat_at', 'extended_expires_at']],
    ['release/x', { released_at: 'now' }, ['released_at', 'reservation_id']],
    ['task/t', { run_id: [] }, ['run_id']],
    ['claim/c', { task_id: {} }, ['task_id']],
  ] as const) {
    t.same(new Set(flat(problems(key, data))), new Set([key, ...fields]), `${key} ${JSON.stringify(data)}`);
    if (/^(reservation|intent|heartbeat|release)/.test(key)) t.same(problems(key, data, 'unreadable'), [], key);
    t.same(problems(key, data, 'invalid-json'), /^[ti]|^c/.test(key) ? [] : problems(key, data, 'invalid-json'), key);
  }
  const long = new Swarm();
  long.put(record('reservation/r', { addresses: ['x'], expires_at: 'x'.repeat(500) }));
  t.equal(long.problems()[0]!.problems[0]!.found, `"${'x'.repeat(59)}…`, 'a long value is cut');
});
const flat = (found: unknown): unknown[] => (found as unknown[][]).flat(2);

t.test('an intent without a reservation is protected by a lease of its run on one of its addresses', async (t) => {
  const state = (intent: Data, records: Readonly<Record<string, Data>>, seconds = 0): string => {
    const swarm = swarmOf({ ...records, 'intent/i': { run_id: 'a', addresses: ['x'], created_at: iso(0), ...intent } });
    const { state: found } = swarm.intents(at(seconds))[0]!;
    return found.is === 'done' ? found.because : found.is === 'open' ? `open by ${found.lease.reservation}` : found.is;
  };
  const r = (more: Data = {}, run = 'a', addresses = ['x']): Data => reservation(run, addresses, more);
  t.equal(state({}, { 'reservation/r': r() }), 'open by r');
  t.equal(state({}, { 'reservation/r': r({}, 'b') }), 'unprotected', 'the lease of another run');
  t.equal(state({}, { 'reservation/r': r({}, 'a', ['y']) }), 'unprotected', 'another address');
  t.equal(state({ addresses: ['y', 'x/f'] }, { 'reservation/r': r({}, 'a', ['z', 'x']) }), 'open by r');
  t.equal(state({ created_at: iso(100) }, { 'reservation/r': r() }, 101), 'lapsed', 'announced in its last moment');
  t.equal(state({ created_at: iso(101) }, { 'reservation/r': r() }, 101), 'unprotected');
  t.equal(state({ created_at: undefined }, { 'reservation/r': r() }, 101), 'lapsed', 'of unknown age');
  const released = { 'release/x': { reservation_id: 'r' } };
  t.equal(state({}, { 'reservation/r': r(), ...released }), 'released');
  t.equal(state({}, { 'reservation/q': r({ expires_at: iso(5) }), 'reservation/r': r(), ...released }, 6), 'released');
  t.equal(state({}, { 'reservation/q': r(), 'reservation/r': r(), ...released }), 'open by q', 'one that holds counts');
  t.equal(state({}, {}, 3_600), 'unprotected');
  t.equal(state({}, {}, 3_600.001), 'history');
  t.equal(state({ created_at: undefined }, {}, 9_999), 'unprotected', 'of unknown age');
  t.equal(state({ reservation_id: 'gone' }, {}, 9_999), 'gone');
  const swarm = new Swarm();
  swarm.put(record('intent/i', { run_id: 'a', addresses: ['x'] }, 'invalid-json'));
  t.same(swarm.intents(at(0)), [], 'a file that is no record announces nothing');
});

t.test('an intent says what it does in its own words, or else by its operation and first address', async (t) => {
  const words = (intent: Data): string | undefined =>
    describeIntent(swarmOf({ 'intent/i': { addresses: ['x', 'y'], ...intent } }).intents(at(0))[0]!);
  t.equal(words({ detail: 'to do', operation: 'rename' }), 'to do');
  t.equal(words({ detail: '', operation: 'rename' }), 'rename x');
  t.equal(words({ operation: 'rename', addresses: [] }), 'rename');
  t.equal(words({}), undefined);
});
