import t from 'tap';
import { complete, quoteWhereNeeded } from '../../../client/inspector/model/completion.js';
import { addressesOf } from '../../../client/inspector/model/entry.js';
import type { Overview } from '../../../client/inspector/model/overview.js';
import { parseQuery } from '../../../client/inspector/model/query.js';
import type { Target } from '../../../client/inspector/model/target.js';
import { deriveState } from '../../../client/inspector/worker/derived-state.js';
import { detailOf } from '../../../client/inspector/worker/detail.js';
import { search } from '../../../client/inspector/worker/search.js';
import { StreamIndex } from '../../../client/inspector/worker/stream-index.js';
import { agentsOf } from '../../../client/inspector/model/agents.js';
import { attentionOf } from '../../../client/inspector/model/attention.js';
import { betterSkew } from '../../../client/inspector/model/clock-skew.js';
import { workHistoryOf } from '../../../client/inspector/model/work-history.js';
import { contestsOf } from '../../../client/inspector/model/contention.js';
import { isListed, leasesOf } from '../../../client/inspector/model/lease.js';
import { groupAttention } from '../../../client/inspector/model/attention-groups.js';
import type { ReplayedState } from '../../../client/inspector/model/replayed-state.js';
import { waitLinesOf } from '../../../client/inspector/model/waits.js';
import { at, NOON, CapturedEvents } from '../../support/entries.js';

const situation = (replayed: ReplayedState, seconds: number) => {
  const nowMs = NOON + seconds * 1_000;
  const leases = leasesOf(replayed, nowMs);
  const agents = agentsOf(replayed, leases, nowMs);
  const contests = contestsOf(replayed, leases, nowMs);
  const waits = waitLinesOf(replayed, leases, agents, nowMs);
  return { replayed, leases, agents, contests, waits, overview: undefined, nowMs };
};

const matters = (captured: CapturedEvents, seconds: number) =>
  attentionOf(situation(captured.timeline.head, seconds)).map(({ severity, text }) => `${severity}: ${text}`);

t.test('a lease ends at the later of its own expiry and every extension of it', async (t) => {
  const captured = new CapturedEvents().reserve(0, 'r', 'a', 'x', 10);
  const state = (seconds: number) => leasesOf(captured.timeline.head, NOON + seconds * 1_000)[0]!.state;
  t.same([state(9), state(10)], ['live', 'lapsed']);
  const beat = { run_id: 'a', reservation_id: 'r', last_beat_at: at(8), extended_expires_at: at(20) };
  captured.event(8, 'added', 'heartbeat', 'r', beat);
  t.same([state(19), state(20)], ['suspect', 'lapsed']);
  captured.event(9, 'removed', 'heartbeat', 'r', beat);
  t.equal(state(12), 'lapsed', 'an extension goes with the heartbeat that made it');
  captured.event(13, 'added', 'release', 'r', { run_id: 'a', reservation_id: 'r' });
  t.equal(state(5), 'released');
});

t.test('while the bus does not see all files, no lease is known to have ended', async (t) => {
  const captured = new CapturedEvents().reserve(0, 'r', 'a', 'x', 10);
  const { head } = captured.timeline;
  head.isUnseen = true;
  const states = (seconds: number) => leasesOf(head, NOON + seconds * 1_000).map(({ state }) => state);
  t.same([states(9), states(10)], [['live'], ['unknown']]);
  t.same(matters(captured, 11), []);
  head.isUnseen = false;
  t.same(states(10), ['lapsed']);
});

t.test('two runs on one address contend: on one branch it is a collision, on two branches a merge risk', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'x', 100)
    .reserve(1, 'r2', 'b', 'x', 100)
    .reserve(2, 'r3', 'c', 'y', 100, 'c')
    .reserve(2, 'r4', 'd', 'y', 100, 'd');
  const contests = (seconds: number) => situation(captured.timeline.head, seconds).contests;
  t.same(
    contests(5).map(({ address, conflict, leases }) => [address, conflict.severity, leases.map(({ run }) => run)]),
    [
      ['x', 'collision', ['a', 'b']],
      ['y', 'merge-risk', ['c', 'd']],
    ],
  );
  t.same(contests(103), [], 'a lapsed lease excludes nobody');
  t.match(matters(captured, 5), [
    /^critical: a and b hold x on main at the same time/,
    /^warning: c and d hold y on 2 branches/,
  ]);
});

t.test(
  'a client that does not keep up is a matter, one that has just connected is none; a run need not have a name',
  async (t) => {
    const client = {
      id: 1,
      name: null,
      flow: 'open',
      queued_bytes: 0,
      subscriptions: [{ state: 'lagging', behind: 7 }],
    };
    const overview = {
      now: NOON,
      watch: { healthy: true },
      connections: [4_999, 5_000].map((ms, i) => ({ ...client, id: i, since_ms: NOON - ms })),
    } as unknown as Overview;
    const captured = new CapturedEvents().reserve(0, 'r1', 'a', 'x', 100);
    captured.event(1, 'added', 'reservation', 'r2', { branch: 'main', addresses: ['x'], expires_at: at(100) });
    const found = attentionOf({ ...situation(captured.timeline.head, 5), overview }).map(({ text }) => text);
    t.match(found, [
      /^a and an unnamed run hold x|^an unnamed run and a hold x/,
      /^Client #1 does not keep up: 7 events behind/,
    ]);
    t.equal(found.length, 2);
  },
);

t.test('work that ended long ago needs no attention: forty old jobs beside a live one', async (t) => {
  const captured = new CapturedEvents();
  for (let job = 0; job < 40; job++) {
    const name = `job-${String(job)}`;
    const created_at = at(-36_000 - job * 100);
    const data = { run_id: name, branch: name, addresses: ['x'], created_at, expires_at: at(-35_900 - job * 100) };
    captured.event(0, 'snapshot', 'reservation', name, data);
    const intent = {
      run_id: name,
      reservation_id: name,
      addresses: ['x'],
      operation: 'modify',
      detail: '',
      created_at,
    };
    captured.event(0, 'snapshot', 'intent', name, intent);
  }
  captured.reserve(0, 'live', 'live', 'x', 600);
  const { agents, contests, leases, nowMs } = situation(captured.timeline.head, 1);
  const listed = leases.filter((lease) => isListed(lease, nowMs));
  for (const rows of [agents, listed])
    t.same(
      rows.map(({ run }) => run),
      ['live'],
    );
  t.same(contests, []);
  t.same(matters(captured, 1), []);
});

t.test(
  'a search finds the name that was typed in full first, then those that begin with it, in the order of their numbers',
  async (t) => {
    const captured = new CapturedEvents();
    for (let i = 30; i >= 0; i--) captured.reserve(0, `r${String(i)}`, `agent-${String(i)}`, 'x', 600);
    captured.reserve(0, 'other', 'no-agent-2', 'x', 600);
    const found = search('Agent-2', captured.timeline.head, undefined);
    t.same(
      found.map(({ name }) => name),
      ['agent-2', ...[20, 21, 22, 23, 24, 25, 26].map((i) => `agent-${String(i)}`)],
    );
  },
);

t.test('attention lists the most urgent first, in plain words', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'x', 300)
    .reserve(0, 'r2', 'b', 'x', 300)
    .reserve(0, 'r3', 'c', 'y', 120)
    .event(0, 'added', 'intent', 'i', { run_id: 'd', detail: 'delete z', reservation_id: 'gone' })
    .event(0, 'added', 'dependency', 'd1', { task_id: 't1', depends_on: 't2' })
    .event(0, 'added', 'dependency', 'd2', { task_id: 't2', depends_on: ['t1'] });
  const now = matters(captured, 101);
  t.match(now[0], /^critical: a and b hold x on main at the same time/);
  t.match(now[1], /^critical: t1 → t2 → t1 wait for one another/);
  t.match(now[2], /^critical: c has been silent for 1 m 41 s and holds a lease on y on main$/);
  t.match(now.slice(3, 5), [/^warning: a has been silent/, /^warning: b has been silent/]);
  t.match(now[5], /^warning: d intends to delete z, but no reservation protects it/);
  t.equal(now.length, 6);
});

/** Each line as `depth severity waiters → wanted ← holder`. */
const waitsIn = (captured: CapturedEvents, seconds: number): string[] =>
  situation(captured.timeline.head, seconds).waits.map(
    ({ depth, severity, waiters, wanted, holder }) =>
      `${String(depth)} ${severity} ${waiters.map(({ run }) => run).join('+')} → ${wanted.join('+')} ← ${holder}`,
  );

const wants = (captured: CapturedEvents, seconds: number, run: string, ...addresses: string[]): CapturedEvents =>
  captured.event(seconds, 'added', 'intent', `${run} wants`, {
    run_id: run,
    branch: 'main',
    addresses,
    created_at: at(seconds),
  });

const beats = (
  captured: CapturedEvents,
  seconds: number,
  reservation: string,
  run: string,
  until: number,
): CapturedEvents =>
  captured.event(seconds, 'added', 'heartbeat', reservation, {
    run_id: run,
    reservation_id: reservation,
    last_beat_at: at(seconds),
    extended_expires_at: at(until),
  });

t.test(
  'an intent on an address that another run holds is a wait: since when, until when, and how far the holder is',
  async (t) => {
    const captured = new CapturedEvents().reserve(0, 'res-1', 'agent-1', 'src/auth.ts::verifyToken', 60);
    wants(captured, 10, 'agent-7', 'src/auth.ts::verifyToken');
    beats(captured, 50, 'res-1', 'agent-1', 2_700);
    const { waits, agents } = situation(captured.timeline.head, 53);
    t.match(waits, [
      {
        severity: 'warning',
        waiters: [{ run: 'agent-7', waitedMs: 43_000, record: 'intent/agent-7 wants' }],
        wanted: ['src/auth.ts::verifyToken'],
        holder: 'agent-1',
        blockedBy: 'reservation/res-1',
        endMs: NOON + 2_700_000,
        sinceBeatMs: 3_000,
        silentMs: undefined,
        depth: 0,
      },
    ]);
    t.equal(agents.find(({ run }) => run === 'agent-7')?.intent, undefined, 'an intent without words has none');
    t.same(matters(captured, 53), [], 'a run that waits is not reported as unprotected too');
  },
);

t.test('waits are ordered: a silent holder first, then the longest, and a chain follows its first line', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'x', 3_000)
    .reserve(100, 'r2', 'b', 'y', 3_000)
    .reserve(100, 'r3', 'd', 'z', 3_000);
  wants(captured, 101, 'c', 'y');
  wants(captured, 102, 'b', 'z');
  wants(captured, 103, 'e', 'x');
  t.same(waitsIn(captured, 150), ['0 critical e → x ← a', '0 warning c → y ← b', '1 warning b → z ← d']);
});

t.test(
  'runs that wait for one another are a deadlock, equal waits are one line, and another branch matters only at a merge',
  async (t) => {
    const captured = new CapturedEvents()
      .reserve(0, 'r1', 'a', 'x', 300)
      .reserve(0, 'r2', 'b', 'y', 300)
      .reserve(0, 'r3', 'far', 'q', 300, 'dev');
    wants(captured, 1, 'a', 'y');
    wants(captured, 2, 'b', 'x');
    for (const run of ['w1', 'w2', 'w3']) wants(captured, 3, run, 'q', 'q::f');
    t.same(waitsIn(captured, 5), ['0 critical a → y ← b', '1 critical b → x ← a', '0 info w1+w2+w3 → q+q::f ← far']);
  },
);

t.test('a silent holder of a long lease comes before everything else, once for all its leases', async (t) => {
  const captured = new CapturedEvents();
  for (let i = 0; i < 17; i++) captured.reserve(0, `r${String(i)}`, 'gone', `src/${String(i)}.ts`, 3_000 + i);
  captured.reserve(100, 'c1', 'a', 'x', 3_000).reserve(100, 'c2', 'b', 'x', 3_000);
  t.match(matters(captured, 101), [
    /^critical: a and b hold x/,
    /^warning: gone has been silent for 1 m 41 s and holds src\/16\.ts on main, of 17 leases$/,
  ]);
  wants(captured, 101, 'w', 'src/3.ts');
  t.match(matters(captured, 101)[0], /^critical: gone has been silent .* 17 leases; 1 run waits for it$/);
});

t.test('many matters about the same are one line with their number', async (t) => {
  const captured = new CapturedEvents();
  for (let i = 0; i < 15; i++) captured.reserve(0, `r${String(i)}`, `run-${String(i)}`, `src/${String(i)}.ts`, 5);
  captured.reserve(0, 'c1', 'a', 'x', 300).reserve(0, 'c2', 'b', 'x', 300);
  const groups = groupAttention(attentionOf(situation(captured.timeline.head, 10)));
  t.match(groups, [
    { severity: 'critical', count: 1 },
    {
      severity: 'info',
      count: 15,
      title: '15 leases lapsed and were never released',
      // The line says what it is about before it is opened.
      subjects: ['run-0', 'run-1', 'run-10', 'run-11', 'run-12', 'run-13'],
    },
  ]);
  t.match(groups[1]?.matters[0], { runs: [/^run-/], command: ['get', 'reservations', '--run-id', /^run-/] });
});

t.test('a group of contests says what kind of contest, in the terms of every other surface', async (t) => {
  const captured = new CapturedEvents();
  for (const n of [1, 2, 3])
    captured
      .reserve(0, `m${String(n)}`, `m${String(n)}`, `src/${String(n)}`, 300)
      .reserve(0, `d${String(n)}`, `d${String(n)}`, `src/${String(n)}`, 300, 'dev')
      .reserve(0, `a${String(n)}`, `a${String(n)}`, `lib/${String(n)}`, 300)
      .reserve(0, `b${String(n)}`, `b${String(n)}`, `lib/${String(n)}`, 300);
  t.match(groupAttention(attentionOf(situation(captured.timeline.head, 1))), [
    { severity: 'critical', title: '3 collisions: held by several runs on one branch', subjects: ['lib/1'] },
    { severity: 'warning', title: '3 merge risks: held on several branches', subjects: ['src/1'] },
  ]);
});

t.test(
  'a run is called silent only after as long as everywhere; before that, when it was last heard from',
  async (t) => {
    const captured = new CapturedEvents().reserve(0, 'r', 'a', 'x', 12);
    t.match(matters(captured, 8), [/^warning: a was last heard from 8 s ago and holds a lease on x on main$/]);
  },
);

t.test('a name that is written from right to left does not move the other words of a sentence', async (t) => {
  const captured = new CapturedEvents().reserve(0, 'r', 'שלום', 'x', 12).reserve(0, 'r2', 'agent-1', 'x', 12);
  t.match(matters(captured, 1)[0], /^critical: agent-1 and \u2068שלום\u2069 hold x on main at the same time$/);
});

t.test('an agent whose work ended long ago is not listed, also if its file has only now been written', async (t) => {
  const old = { created_at: at(-43_200), expires_at: at(-39_600) };
  const captured = new CapturedEvents()
    .event(0, 'added', 'reservation', 'r', { run_id: 'gone', addresses: ['x'], ...old })
    .event(0, 'added', 'task', 't', { run_id: 'here' });
  t.same(
    situation(captured.timeline.head, 1).agents.map(({ run }) => run),
    ['here'],
  );
});

t.test('a message that was long on its way does not make the clocks differ', async (t) => {
  t.equal(betterSkew(0, -3, 240), 0, 'the first ping of a page that was loading took 240 ms');
  t.equal(betterSkew(60, 0, 4), 0, 'what was wrong is corrected');
  t.equal(betterSkew(0, -30_004, 8), -30_004);
  t.equal(betterSkew(-30_004, -30_012, 8), -30_004, 'it does not change with each message');
  t.equal(betterSkew(-30_004, 5_000, 8), 5_000, 'until a clock is set');
});

t.test('an intent whose reservation was released is done, and one whose lease lapsed is not', async (t) => {
  const captured = new CapturedEvents().reserve(0, 'r', 'a', 'x', 10);
  captured.event(0, 'added', 'intent', 'i', { run_id: 'a', detail: 'rename x', reservation_id: 'r' });
  t.match(matters(captured, 13), ['warning: a intends to rename x, but its lease lapsed 3 s ago']);
  captured.event(14, 'added', 'release', 'r', { run_id: 'a', reservation_id: 'r' });
  t.same(matters(captured, 15), []);
});

t.test('a run is live, then quiet, then silent, and forgotten once it is silent and has no record', async (t) => {
  const captured = new CapturedEvents().event(0, 'added', 'task', 't', { run_id: 'a' });
  const presence = (seconds: number) =>
    situation(captured.timeline.head, seconds).agents.map((agent) => agent.presence);
  t.same([presence(15), presence(16), presence(90), presence(91)], [['live'], ['quiet'], ['quiet'], ['silent']]);
  captured.event(5, 'removed', 'task', 't', { run_id: 'a' });
  t.same(presence(91), []);
});

t.test('a work history contains the records that name the same reservation or task, and no others', async (t) => {
  const captured = new CapturedEvents()
    .event(0, 'added', 'task', 't', { task_id: 't' })
    .event(1, 'added', 'claim', 'c', { task_id: 't', run_id: 'a' })
    .event(2, 'added', 'reservation', 'r', { reservation_id: 'r', task_id: 't' })
    .event(3, 'added', 'intent', 'i', { reservation_id: 'r' })
    .event(4, 'added', 'intent', 'other', { reservation_id: 'q' })
    .event(5, 'added', 'release', 'r', { reservation_id: 'r' });
  const replayed = captured.timeline.head;
  const history = workHistoryOf(replayed, replayed.get('intent', 'i')!).map(({ kind, records }) => [
    kind,
    records.map(({ id }) => id),
  ]);
  t.same(history, [
    ['task', ['t']],
    ['claim', ['c']],
    ['reservation', ['r']],
    ['intent', ['i']],
    ['heartbeat', []],
    ['release', ['r']],
    ['dependency', []],
  ]);
  captured.event(6, 'added', 'dependency', 'd', { task_id: 'next', depends_on: ['t'] });
  const last = workHistoryOf(replayed, replayed.get('task', 't')!).at(-1);
  t.same(
    last?.records.map(({ id }) => id),
    ['d'],
    'what depends on the task belongs to its work',
  );
});

t.test('completion offers fields, then values; those that begin with the text come first', async (t) => {
  const vocabulary = { runs: ['my agent', 'agent-1'], branches: ['main'], addresses: ['src/a.py::f'] };
  const choices = (text: string) => complete(text, text.length, vocabulary).choices.map(({ insert }) => insert);
  t.same(choices('br'), ['branch:']);
  t.same(choices('!ty'), ['!type:']);
  t.same(choices('kind:re'), ['kind:reservation', 'kind:release']);
  t.same(choices('kind:task,cl'), ['kind:task,claim']);
  t.same(choices('run:agent'), ['run:agent-1', 'run:"my agent"']);
  t.same(complete('kind:task branch:m x', 18, vocabulary).from, 10);
});

t.test('a name that is completed or used as a filter is read back as it is', async (t) => {
  for (const run of ['my agent', 'a,b', 'say "hi"', 'back\\slash "x"', 'plain', '-x', '(x)']) {
    const parsed = parseQuery(`run:${quoteWhereNeeded(run)},other`);
    if (!parsed.ok) return t.fail(parsed.error.message);
    const matches = (name: string) =>
      parsed.query.matchesRecord({ kind: 'task', id: 't', revision: 1, data: { run_id: name } });
    t.same([run, 'other', 'else'].map(matches), [true, true, false], run);
  }
});

t.test('a run that is written as a number, and addresses in any form, are shown as the swarm reads them', async (t) => {
  const data = { run_id: 7 as unknown as string, address: 'src/a.py\nsrc/b.py', expires_at: at(60) };
  const captured = new CapturedEvents().event(0, 'added', 'reservation', 'r', data);
  const { agents } = situation(captured.timeline.head, 1);
  t.match(agents, [{ run: '7', leases: [{ addresses: ['src/a.py', 'src/b.py'] }] }]);
  t.same(addressesOf(data), ['src/a.py', 'src/b.py']);
  const index = new StreamIndex(captured.timeline.capture);
  t.match(index.read(Infinity, { last: 1 }).rows, [{ run: '7', address: 'src/a.py', more: 1 }]);
  const parsed = parseQuery('run:7');
  t.ok(parsed.ok && parsed.query.matchesEvent({ data }));
});

t.test(
  'an event is found however many later ones the record has, and the card of an address lists whatever overlaps it',
  async (t) => {
    const captured = new CapturedEvents().reserve(0, 'r', 'a', 'src/', 500);
    for (let i = 1; i <= 100; i++) captured.event(i, 'modified', 'task', 't', { step: i });
    const { timeline } = captured;
    const derived = deriveState(timeline.head, NOON + 101_000, undefined);
    const show = (target: Target) => detailOf(target, derived, timeline.capture, timeline.capture.length);
    t.match(show({ type: 'record', key: 'task/t', revision: 3 }), { data: { step: 2 }, event: { revision: 3 } });
    t.match(show({ type: 'address', address: 'src/a.py::f' }), {
      holders: [{ key: 'reservation/r' }],
      history: [{ key: 'reservation/r' }],
    });
  },
);
