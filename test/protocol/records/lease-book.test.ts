import t from 'tap';
import { unixMillis, type UnixMillis } from '../../../protocol/index.js';
import { LeaseBook } from '../../../protocol/index.js';

const at = (seconds: number): UnixMillis => unixMillis(Date.UTC(2026, 2, 30, 15) + seconds * 1_000);
const iso = (seconds: number): string => new Date(at(seconds)).toISOString();

/** A book with one reservation `r1` that ends at 10 s, seen at 0 s. */
function oneLease(): LeaseBook {
  const book = new LeaseBook();
  book.put('reservation', 'r1', { reservation_id: 'lease-1', expires_at: iso(10) }, at(0));
  return book;
}

t.test('a lease ends once, at its expiry and not a millisecond before', async (t) => {
  const book = oneLease();
  t.equal(book.nextDeadline(), at(10));
  t.same(book.expireUntil(unixMillis(at(10) - 1)), []);
  t.same(book.expireUntil(at(10)), ['r1']);
  t.equal(book.state('r1', at(10)), 'lapsed');
  t.equal(book.nextDeadline(), undefined);
  t.same(book.expireUntil(at(99)), []);
});

t.test('the latest of several heartbeats counts, and none shortens', async (t) => {
  const book = oneLease();
  book.put('heartbeat', 'h1', { reservation_id: 'lease-1', extended_expires_at: iso(30) }, at(1));
  book.put('heartbeat', 'h2', { reservation_id: 'lease-1', extended_expires_at: iso(20) }, at(2));
  book.put('heartbeat', 'h3', { reservation_id: 'lease-1', extended_expires_at: iso(5) }, at(3));
  t.equal(book.effectiveExpiry('r1'), at(30));
  book.drop('heartbeat', 'h1', at(4));
  t.equal(book.effectiveExpiry('r1'), at(20), 'a heartbeat counts while its file is there');
  book.put('heartbeat', 'h2', { reservation_id: 'lease-1', extended_expires_at: 'soon' }, at(5));
  t.equal(book.effectiveExpiry('r1'), at(10), 'one that says no time says nothing');
  t.same(book.expireUntil(at(10)), ['r1']);
});

t.test('a lease ends at once if the heartbeat that extended it furthest is removed', async (t) => {
  const book = oneLease();
  book.put('heartbeat', 'h1', { reservation_id: 'lease-1', extended_expires_at: iso(30) }, at(1));
  book.drop('heartbeat', 'h1', at(15));
  t.same(book.expireUntil(at(15)), ['r1']);
});

t.test('a late heartbeat makes a lease live again, and it can end again', async (t) => {
  const book = oneLease();
  t.same(book.expireUntil(at(10)), ['r1']);
  book.put('heartbeat', 'h1', { reservation_id: 'lease-1', extended_expires_at: iso(30) }, at(12));
  t.equal(book.state('r1', at(12)), 'live');
  t.same(book.expireUntil(at(29)), []);
  t.same(book.expireUntil(at(30)), ['r1']);
});

t.test('a release ends a lease for good, whatever its reservation or heartbeats say', async (t) => {
  const book = oneLease();
  book.put('release', 'x', { reservation_id: 'lease-1' }, at(1));
  t.equal(book.state('r1', at(1)), 'released');
  book.put('heartbeat', 'h1', { reservation_id: 'lease-1', extended_expires_at: iso(30) }, at(2));
  book.put('reservation', 'r1', { reservation_id: 'lease-1', expires_at: iso(40) }, at(3));
  t.same(book.expireUntil(at(99)), []);
  t.equal(book.nextDeadline(), undefined);
});

t.test('a release that arrives before its reservation counts too, and a removed release does not', async (t) => {
  const book = new LeaseBook();
  book.put('release', 'x', { reservation_id: 'r1' }, at(0));
  book.put('reservation', 'r1', { expires_at: iso(10) }, at(1));
  t.equal(book.state('r1', at(1)), 'released');
  book.drop('release', 'x', at(2));
  t.equal(book.state('r1', at(2)), 'live');
  t.same(book.expireUntil(at(10)), ['r1']);
});

t.test('a heartbeat names a reservation by its reservation_id, or by its id where it has none', async (t) => {
  const book = oneLease();
  book.put('reservation', 'r2', { expires_at: iso(10) }, at(0));
  book.put('heartbeat', 'h1', { reservation_id: 'r1', extended_expires_at: iso(30) }, at(1));
  book.put('heartbeat', 'h2', { reservation_id: 'r2', extended_expires_at: iso(30) }, at(1));
  t.equal(book.effectiveExpiry('r1'), at(10), 'its id is not its name');
  t.equal(book.effectiveExpiry('r2'), at(30));
});

t.test('a heartbeat that names another reservation no longer extends the first one', async (t) => {
  const book = oneLease();
  book.put('reservation', 'r2', { expires_at: iso(10) }, at(0));
  book.put('heartbeat', 'h', { reservation_id: 'lease-1', extended_expires_at: iso(30) }, at(1));
  book.put('heartbeat', 'h', { reservation_id: 'r2', extended_expires_at: iso(30) }, at(2));
  t.same([book.effectiveExpiry('r1'), book.effectiveExpiry('r2')], [at(10), at(30)]);
  t.equal(book.nextDeadline(), at(10));
  t.same(book.expireUntil(at(10)), ['r1']);
  book.put('heartbeat', 'h', {}, at(11));
  t.same(book.expireUntil(at(11)), ['r2'], 'or turns to none');
});

t.test('a lease that has expired when it is first seen is not announced', async (t) => {
  const book = new LeaseBook();
  book.put('reservation', 'r1', { expires_at: iso(10) }, at(10));
  t.equal(book.state('r1', at(10)), 'lapsed');
  t.same(book.expireUntil(at(99)), []);
});

t.test('an expiry moved into the past ends the lease; an expiry moved into the future makes it live', async (t) => {
  const book = oneLease();
  book.put('reservation', 'r1', { reservation_id: 'lease-1', expires_at: iso(2) }, at(5));
  t.same(book.expireUntil(at(5)), ['r1']);
  book.put('reservation', 'r1', { reservation_id: 'lease-1', expires_at: iso(20) }, at(6));
  t.same(book.expireUntil(at(19)), []);
  t.same(book.expireUntil(at(20)), ['r1']);
});

t.test('the lease of a reservation that was removed, or has no expiry, never ends', async (t) => {
  const book = oneLease();
  book.put('reservation', 'r2', {}, at(0));
  book.put('reservation', 'r3', { expires_at: '2025-02-30T00:00:00Z' }, at(0));
  book.put('heartbeat', 'h', { reservation_id: 'r2', extended_expires_at: iso(5) }, at(0));
  t.same([book.state('r2', at(0)), book.state('r3', at(0))], ['none', 'none']);
  book.drop('reservation', 'r1', at(1));
  t.equal(book.state('r1', at(1)), undefined);
  t.same(book.expireUntil(at(99)), []);
});

t.test('several leases end in the order of their expiries, and then of their ids', async (t) => {
  const book = new LeaseBook();
  for (const [id, end] of [
    ['c', 10],
    ['a', 20],
    ['d', 10],
    ['b', 10],
  ] as const) {
    book.put('reservation', id, { expires_at: iso(end) }, at(0));
  }
  t.same(book.expireUntil(at(50)), ['b', 'c', 'd', 'a']);

  const moved = new LeaseBook();
  moved.put('reservation', 'a', { expires_at: iso(5) }, at(0));
  moved.put('reservation', 'b', { expires_at: iso(7) }, at(0));
  moved.put('reservation', 'a', { expires_at: iso(8) }, at(1));
  t.same(moved.expireUntil(at(50)), ['b', 'a'], 'by what they are now, not by what they were');
});

t.test('a lease extended ten thousand times ends once', async (t) => {
  const book = oneLease();
  for (let n = 0; n < 10_000; n++) {
    book.put('heartbeat', 'h', { reservation_id: 'lease-1', extended_expires_at: iso(10 + n) }, at(1));
  }
  t.equal(book.nextDeadline(), at(10_009));
  t.same(book.expireUntil(at(10_009)), ['r1']);
});

t.test('a heartbeat that was never read may be about any lease: none ends until it is read or gone', async (t) => {
  const book = oneLease();
  book.put('heartbeat', 'h', {}, at(1), 'unreadable');
  t.same([...book.unreadableHeartbeats], ['h']);
  t.equal(book.nextDeadline(), undefined);
  t.same(book.expireUntil(at(20)), []);
  t.equal(book.state('r1', at(20)), 'unknown');
  book.drop('heartbeat', 'h', at(21));
  t.same([...book.unreadableHeartbeats], []);
  t.equal(book.nextDeadline(), at(10));
  t.same(book.expireUntil(at(21)), ['r1']);
  book.put('heartbeat', 'h', {}, at(22), 'unreadable');
  t.equal(book.state('r1', at(22)), 'unknown', 'one that has ended may have been prolonged too');
});

t.test('a heartbeat that can no longer be read holds up the end of its own lease only', async (t) => {
  const book = oneLease();
  book.put('reservation', 'r2', { expires_at: iso(20) }, at(0));
  book.put('heartbeat', 'h', { reservation_id: 'lease-1' }, at(1), 'unreadable');
  t.same([...book.unreadableHeartbeats], ['h']);
  t.equal(book.nextDeadline(), at(20));
  t.same(book.expireUntil(at(20)), ['r2']);
  t.equal(book.state('r1', at(20)), 'unknown');
  book.put('heartbeat', 'h', { reservation_id: 'lease-1' }, at(21));
  t.same(book.expireUntil(at(21)), ['r1'], 'it was read, and says nothing');
});

t.test('a change says of each lease that it may have changed what it is, and whether it holds again', async (t) => {
  const book = oneLease();
  const told = (changes: ReturnType<LeaseBook['put']>): unknown[] =>
    changes.map(({ lease, isRevived }) => [lease.term.reservation, lease.isRunning, isRevived]);
  const beat = (until: number, now: number) =>
    book.put('heartbeat', 'h', { reservation_id: 'lease-1', extended_expires_at: iso(until) }, at(now));
  t.same(told(beat(12, 1)), [['r1', true, false]], 'a lease that held goes on');
  t.same(told(beat(3, 5)), [['r1', true, false]]);
  t.notOk(book.hasLapsed('r1'), 'its end has passed, but it was not ended yet');
  book.expireUntil(at(10));
  t.ok(book.hasLapsed('r1'));
  t.same(told(beat(11, 12)), [['r1', false, false]], 'an extension that is over by now revives nothing');
  t.same(told(beat(30, 12)), [['r1', true, true]]);
  t.same(told(beat(40, 12)), [['r1', true, false]], 'once');
  t.same(told(book.put('release', 'x', { reservation_id: 'lease-1' }, at(13))), [['r1', false, false]]);
  t.notOk(book.hasLapsed('r1'), 'a release ends it, not the time');
  t.same(told(book.drop('release', 'x', at(14))), [['r1', true, true]]);
  t.same(told(book.put('reservation', 'r2', { expires_at: iso(1) }, at(14))), [['r2', false, false]]);
  t.same(told(book.put('reservation', 'r2', {}, at(14))), [['r2', false, false]]);
  t.same(told(book.put('reservation', 'r2', { expires_at: iso(20) }, at(14))), [['r2', true, false]], 'it was none');
  t.same(told(book.put('heartbeat', 'h', { reservation_id: 'r2' }, at(15))), [
    ['r2', true, false],
    ['r1', true, false],
  ]);
  book.put('release', 'r1', { reservation_id: 'r2' }, at(15));
  for (const kind of ['intent', 'task', 'claim', 'dependency'] as const) {
    t.same(book.put(kind, 'r1', { reservation_id: 'lease-1' }, at(15)), [], kind);
    t.same(book.drop(kind, 'r1', at(15)), []);
    t.notOk(book.affectsLeases(kind));
  }
  t.ok((['reservation', 'heartbeat', 'release'] as const).every((kind) => book.affectsLeases(kind)));
});

t.test('a lease whose end was announced before is marked, and ends no second time', async (t) => {
  const book = oneLease();
  book.lapse('r1');
  book.lapse('unknown');
  t.same([book.state('r1', at(10)), book.hasLapsed('r1'), book.hasLapsed('unknown')], ['lapsed', true, false]);
  t.match(book.get('r1'), { term: { basis: 'timed', effectiveExpiry: at(10) }, isRunning: false });
  t.equal(book.nextDeadline(), undefined);
  t.same(book.expireUntil(at(10)), []);
  t.same(
    [book.get('unknown'), book.state('unknown', at(0)), book.effectiveExpiry('unknown')],
    [undefined, undefined, undefined],
  );
});

t.test('a reservation that cannot be read goes on, and ends when it can be read again', async (t) => {
  const book = oneLease();
  const said = { reservation_id: 'lease-1', expires_at: iso(10) };
  book.put('reservation', 'r1', said, at(1), 'unreadable');
  t.same([book.state('r1', at(20)), book.nextDeadline(), book.expireUntil(at(20))], ['unknown', undefined, []]);
  book.put('reservation', 'r1', said, at(21));
  t.same(book.expireUntil(at(21)), ['r1']);
  book.put('reservation', 'r2', { expires_at: iso(30) }, at(21));
  book.put('reservation', 'r2', {}, at(22), 'unreadable');
  t.equal(book.get('r2')?.isRunning, false, 'one that never said an end has none');
});

t.test('deadlines that are moved ten thousand times are forgotten, and no other', async (t) => {
  const book = new LeaseBook();
  for (const id of ['kept', 'ended']) book.put('reservation', id, { expires_at: iso(id === 'kept' ? 50 : 5) }, at(0));
  t.same(book.expireUntil(at(5)), ['ended']);
  for (let n = 0; n < 10_000; n++) {
    book.put('reservation', 'moved', { expires_at: iso(20_000 - n) }, at(6));
    if (n % 50 === 0 && book.nextDeadline() !== at(50)) t.fail(`it is lost after ${String(n)}`);
  }
  t.same(book.expireUntil(at(10_000)), ['kept']);
  t.same(book.expireUntil(at(30_000)), ['moved']);
});

t.test('leases that end together end in the order of their ids, however they came', async (t) => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  for (let first = 0; first < 5; first++)
    for (const step of [1, 2, 3, 4]) {
      const book = new LeaseBook();
      for (let n = 0; n < 5; n++) book.put('reservation', ids[(first + n * step) % 5]!, { expires_at: iso(10) }, at(0));
      t.same(book.expireUntil(at(10)), ids);
    }
});
