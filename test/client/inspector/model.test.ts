import t from 'tap';
import { agentsOf } from '../../../client/inspector/model/agents.js';
import { attentionOf } from '../../../client/inspector/model/attention.js';
import { chainOf } from '../../../client/inspector/model/chain.js';
import { contestsOf } from '../../../client/inspector/model/contention.js';
import { leasesOf } from '../../../client/inspector/model/lease.js';
import type { World } from '../../../client/inspector/model/world.js';
import { at, NOON, Told } from '../../support/entries.js';

const situation = (world: World, seconds: number) => {
  const nowMs = NOON + seconds * 1_000;
  const leases = leasesOf(world, nowMs);
  const agents = agentsOf(world, leases, nowMs);
  return { world, leases, agents, contests: contestsOf(world, leases, nowMs), overview: undefined, nowMs };
};

const matters = (told: Told, seconds: number) =>
  attentionOf(situation(told.timeline.head, seconds)).map(({ severity, text }) => `${severity}: ${text}`);

t.test('a lease ends at the later of its own expiry and every extension of it', async (t) => {
  const told = new Told().reserve(0, 'r', 'a', 'x', 10);
  const state = (seconds: number) => leasesOf(told.timeline.head, NOON + seconds * 1_000)[0]!.state;
  t.same([state(9), state(10)], ['live', 'lapsed']);
  const beat = { run_id: 'a', reservation_id: 'r', last_beat_at: at(8), extended_expires_at: at(20) };
  told.event(8, 'added', 'heartbeat', 'r', beat);
  t.same([state(19), state(20)], ['suspect', 'lapsed']);
  told.event(9, 'removed', 'heartbeat', 'r', beat);
  t.equal(state(12), 'lapsed', 'an extension goes with the heartbeat that made it');
  told.event(13, 'added', 'release', 'r', { run_id: 'a', reservation_id: 'r' });
  t.equal(state(5), 'released');
});

t.test('two runs on one address contend: on one branch they collide, on two they will meet in a merge', async (t) => {
  const told = new Told()
    .reserve(0, 'r1', 'a', 'x', 100)
    .reserve(1, 'r2', 'b', 'x', 100)
    .reserve(2, 'r3', 'c', 'y', 100, 'c')
    .reserve(2, 'r4', 'd', 'y', 100, 'd');
  const contests = (seconds: number) => situation(told.timeline.head, seconds).contests;
  t.same(
    contests(5).map(({ address, conflict, leases }) => [address, conflict.severity, leases.map(({ run }) => run)]),
    [
      ['x', 'collision', ['a', 'b']],
      ['y', 'merge-risk', ['c', 'd']],
    ],
  );
  t.same(contests(103), [], 'a lapsed lease keeps nobody out');
  t.match(matters(told, 5), [
    /^critical: a and b hold x on main at the same time/,
    /^warning: c and d hold y on 2 branches/,
  ]);
});

t.test('what ended long ago is no matter: forty old jobs beside one that lives', async (t) => {
  const told = new Told();
  for (let job = 0; job < 40; job++) {
    const name = `job-${String(job)}`;
    const created_at = at(-36_000 - job * 100);
    const data = { run_id: name, branch: name, addresses: ['x'], created_at, expires_at: at(-35_900 - job * 100) };
    told.event(0, 'snapshot', 'reservation', name, data);
    const intent = {
      run_id: name,
      reservation_id: name,
      addresses: ['x'],
      operation: 'modify',
      detail: '',
      created_at,
    };
    told.event(0, 'snapshot', 'intent', name, intent);
  }
  told.reserve(0, 'live', 'live', 'x', 600);
  const { agents, contests } = situation(told.timeline.head, 1);
  t.same(
    agents.map(({ run }) => run),
    ['live'],
  );
  t.same(contests, []);
  t.same(matters(told, 1), []);
});

t.test('attention says the most pressing first, in plain words', async (t) => {
  const told = new Told()
    .reserve(0, 'r1', 'a', 'x', 300)
    .reserve(0, 'r2', 'b', 'x', 300)
    .reserve(0, 'r3', 'c', 'y', 120)
    .event(0, 'added', 'intent', 'i', { run_id: 'd', detail: 'delete z', reservation_id: 'gone' })
    .event(0, 'added', 'dependency', 'd1', { task_id: 't1', depends_on: 't2' })
    .event(0, 'added', 'dependency', 'd2', { task_id: 't2', depends_on: ['t1'] });
  const now = matters(told, 101);
  t.match(now[0], /^critical: a and b hold x on main at the same time/);
  t.match(now[1], /^critical: t1 → t2 → t1 wait for one another/);
  t.match(now[2], /^critical: c is silent for 1 m 41 s, with a lease on y on main that ends in 19 s/);
  t.match(now[3], /^warning: d intends to delete z, but no reservation stands behind it/);
  t.equal(now.length, 4);
});

t.test('an intent whose reservation was released is done, and one whose lease lapsed is not', async (t) => {
  const told = new Told().reserve(0, 'r', 'a', 'x', 10);
  told.event(0, 'added', 'intent', 'i', { run_id: 'a', detail: 'rename x', reservation_id: 'r' });
  t.match(matters(told, 13), ['warning: a intends to rename x, but its lease lapsed 3 s ago']);
  told.event(14, 'added', 'release', 'r', { run_id: 'a', reservation_id: 'r' });
  t.same(matters(told, 15), []);
});

t.test('a run is live, then quiet, then silent, and forgotten once it is silent and has no record', async (t) => {
  const told = new Told().event(0, 'added', 'task', 't', { run_id: 'a' });
  const presence = (seconds: number) => situation(told.timeline.head, seconds).agents.map((agent) => agent.presence);
  t.same([presence(15), presence(16), presence(90), presence(91)], [['live'], ['quiet'], ['quiet'], ['silent']]);
  told.event(5, 'removed', 'task', 't', { run_id: 'a' });
  t.same(presence(91), []);
});

t.test('a chain holds what names the same reservation or task, and nothing else', async (t) => {
  const told = new Told()
    .event(0, 'added', 'task', 't', { task_id: 't' })
    .event(1, 'added', 'claim', 'c', { task_id: 't', run_id: 'a' })
    .event(2, 'added', 'reservation', 'r', { reservation_id: 'r', task_id: 't' })
    .event(3, 'added', 'intent', 'i', { reservation_id: 'r' })
    .event(4, 'added', 'intent', 'other', { reservation_id: 'q' })
    .event(5, 'added', 'release', 'r', { reservation_id: 'r' });
  const world = told.timeline.head;
  const chain = chainOf(world, world.get('intent', 'i')!).map(({ kind, records }) => [
    kind,
    records.map(({ id }) => id),
  ]);
  t.same(chain, [
    ['task', ['t']],
    ['claim', ['c']],
    ['reservation', ['r']],
    ['intent', ['i']],
    ['heartbeat', []],
    ['release', ['r']],
  ]);
});
