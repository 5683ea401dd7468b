import t from 'tap';
import { complete } from '../../../client/inspector/model/completion.js';
import { agentsOf } from '../../../client/inspector/model/agents.js';
import { attentionOf } from '../../../client/inspector/model/attention.js';
import { workHistoryOf } from '../../../client/inspector/model/work-history.js';
import { contestsOf } from '../../../client/inspector/model/contention.js';
import { leasesOf } from '../../../client/inspector/model/lease.js';
import type { ReplayedState } from '../../../client/inspector/model/replayed-state.js';
import { at, NOON, CapturedEvents } from '../../support/entries.js';

const situation = (replayed: ReplayedState, seconds: number) => {
  const nowMs = NOON + seconds * 1_000;
  const leases = leasesOf(replayed, nowMs);
  const agents = agentsOf(replayed, leases, nowMs);
  return { replayed, leases, agents, contests: contestsOf(replayed, leases, nowMs), overview: undefined, nowMs };
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
  const { agents, contests } = situation(captured.timeline.head, 1);
  t.same(
    agents.map(({ run }) => run),
    ['live'],
  );
  t.same(contests, []);
  t.same(matters(captured, 1), []);
});

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
  t.match(now[2], /^critical: c has been silent for 1 m 41 s and holds a lease on y on main that ends in 19 s/);
  t.match(now[3], /^warning: d intends to delete z, but no reservation protects it/);
  t.equal(now.length, 4);
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
  ]);
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
