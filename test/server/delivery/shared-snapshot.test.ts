import t from 'tap';
import { MessageType, unpackMessage } from '../../../protocol/index.js';
import { absent, present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

const RECORDS = 2_000;
const ids = Array.from({ length: RECORDS }, (_, n) => `t${String(n).padStart(4, '0')}`);
const TEXT = 'x'.repeat(200);

function filled(): Stream {
  const stream = new Stream();
  stream.turn(...ids.map((id, n) => present('task', id, { n, text: TEXT })));
  return stream;
}

/** Time passes, and with it the turn of the loop. */
function pass(stream: Stream, ms: number): void {
  stream.clock.advance(ms);
  stream.serve(1);
}

/** A new client's frames of a snapshot. */
function frames(peer: Peer, options: object = {}): Uint8Array[] {
  const from = peer.socket.frames.length;
  peer.say(MessageType.subscribe, 1, options);
  const isBatch = (frame: Uint8Array): boolean =>
    peer.encoding === 'msgpack' ? frame[1] === MessageType.batch : Buffer.from(frame).toString().startsWith('[18,');
  return peer.socket.frames.slice(from).filter(isBatch);
}

/** The events of a snapshot: what each is about, its number and its lease. */
type Seen = readonly [revision: number, type: number, kind: number, id: string, timeMs: number, ...rest: unknown[]];
const events = (all: readonly Uint8Array[]): Seen[] =>
  all.flatMap((frame) => (unpackMessage(frame) as [number, number, number, Seen[]])[3]);
const firsts = (all: readonly Uint8Array[]): number[] =>
  all.map((frame) => (unpackMessage(frame) as [number, number, number])[2]);

for (const encoding of ['msgpack', 'json'] as const) {
  t.test(`${encoding}: clients that subscribe within a second are sent the very same frames`, async (t) => {
    const stream = filled();
    const one = frames(stream.connect(encoding));
    const other = frames(stream.connect(encoding));
    t.ok(one.length > 4, 'more than one piece');
    t.equal(one.length, other.length);
    t.ok(one.every((frame, i) => frame === other[i]));
  });
}

t.test('with another id of the subscription the frames differ in nothing but their head', async (t) => {
  for (const encoding of ['msgpack', 'json'] as const) {
    const stream = filled();
    const [one, other] = [stream.connect(encoding), stream.connect(encoding)];
    one.say(MessageType.subscribe, 1);
    other.say(MessageType.subscribe, 23_456);
    const renumbered = other.heard().map(([type, id, ...rest]) => [type, id === 23_456 ? 1 : id, ...rest]);
    t.strictSame(renumbered, one.heard());
  }
});

t.test('a change between two clients costs only its own piece, and the second sees exactly its cut', async (t) => {
  const stream = filled();
  const one = frames(stream.connect());
  for (const change of [
    present('task', 't1000', { n: -1 }),
    absent('task', 't0003'),
    present('task', 't0002a', { n: 0 }),
    absent('task', 't0000'),
    absent('task', 't1999'),
    present('task', 't1999b', { n: 1 }),
  ]) {
    stream.turn(change);
    const after = frames(stream.connect());
    const fresh = new Stream();
    fresh.turn(...[...stream.store.cut().versions].map(({ id, data }) => present('task', id, data)));
    const known = events(frames(fresh.connect()));
    t.strictSame(
      events(after).map(([, , , id, , data]) => [id, data]),
      known.map(([, , , id, , data]) => [id, data]),
    );
    const numbers = after.map((frame) => events([frame]).length);
    t.strictSame(
      firsts(after),
      numbers.map((_, i) => 1 + numbers.slice(0, i).reduce((sum, count) => sum + count, 0)),
      'numbered without a gap',
    );
    t.ok(after.length <= one.length + 6, 'the pieces do not become ever smaller');
  }
});

t.test('a client with a cap inside a piece that others were sent receives exactly its cap', async (t) => {
  const stream = filled();
  frames(stream.connect());
  for (const max_events of [1, 150, RECORDS - 1]) {
    t.equal(events(frames(stream.connect(), { max_events })).length, max_events);
  }
  t.equal(events(frames(stream.connect())).length, RECORDS);
});

t.test('each filter has its own pieces', async (t) => {
  const stream = filled();
  const half = { filter: { ids: ids.filter((_, n) => n % 2 === 0) } };
  for (let i = 0; i < 2; i++) {
    t.equal(events(frames(stream.connect())).length, RECORDS);
    t.equal(events(frames(stream.connect(), half)).length, RECORDS / 2);
    t.equal(events(frames(stream.connect(), { filter: { ids: ['none'] } })).length, 0);
  }
});

t.test('a lease is in the state of the moment, also when its end has not been published', async (t) => {
  const stream = filled();
  const expires_at = new Date(stream.clock.now() + 500).toISOString();
  stream.turn(present('reservation', 'r', { expires_at }));
  const lease = (): unknown => (events(frames(stream.connect()))[0]?.[9] as [string])[0];
  t.equal(lease(), 'live');
  pass(stream, 499);
  t.equal(lease(), 'live');
  pass(stream, 101);
  t.equal(lease(), 'unknown', 'nothing has ended it yet');
  stream.expire();
  t.equal(lease(), 'lapsed');
});

t.test('after a second, or when the wall clock was set back, the events are generated again', async (t) => {
  const stream = filled();
  const timeOf = (): number => events(frames(stream.connect()))[0]![4];
  const began = stream.clock.now();
  t.equal(timeOf(), began);
  pass(stream, 1_000);
  t.equal(timeOf(), began);
  pass(stream, 1);
  t.equal(timeOf(), began + 1_001);
  stream.clock.setWallClock(-5_000);
  stream.serve(1);
  t.equal(timeOf(), began - 3_999);
});

t.test('what was kept is freed when it is old', async (t) => {
  const stream = filled();
  const one = frames(stream.connect());
  stream.catchUp.forgetOld(stream.clock.now());
  const other = frames(stream.connect());
  t.equal(one[0], other[0], 'not before');
  pass(stream, 1_001);
  stream.catchUp.forgetOld(stream.clock.now());
  stream.clock.setWallClock(-1_001);
  stream.serve(1);
  t.not(frames(stream.connect())[0], one[0]);
});
