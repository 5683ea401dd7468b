import t from 'tap';
import { MessageType, revision, unpackMessage, type GroupId } from '../../../protocol/index.js';
import { Group } from '../../../server/delivery/group.js';
import { HistoryPiece, HistoryPieces } from '../../../server/delivery/history-pieces.js';
import { present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

const MISSED = 600;
const TEXT = 'x'.repeat(200);

function busy(limits: { maxHistoryEvents?: number } = {}): Stream {
  const stream = new Stream(limits);
  for (let n = 0; n < MISSED; n++) stream.turn(task(n));
  return stream;
}

const task = (n: number): ReturnType<typeof present> => present('task', `t${String(n)}`, { n, text: TEXT });

const typeOf = (frame: Uint8Array, { encoding }: Peer): number =>
  encoding === 'msgpack' ? frame[1]! : Number(/\d+/.exec(Buffer.from(frame).toString())![0]);

/** The frames with events that a client is sent which continues after a revision. */
function continued(stream: Stream, peer: Peer, after: number, options: object = {}, id = 1): Uint8Array[] {
  const from = peer.socket.frames.length;
  peer.say(MessageType.subscribe, id, { since: `e:${String(after)}`, ...options });
  stream.serve();
  const isOfEvents = (frame: Uint8Array): boolean =>
    [MessageType.batch, MessageType.events].includes(typeOf(frame, peer) as never);
  return peer.socket.frames.slice(from).filter(isOfEvents);
}

const decoded = (frames: readonly Uint8Array[]): [number, number, number, [number][]][] =>
  frames.map((frame) => unpackMessage(frame) as never);
const revisions = (frames: readonly Uint8Array[]): number[] =>
  decoded(frames).flatMap(([, , , events]) => events.map(([revision]) => revision));
const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

for (const encoding of ['msgpack', 'json'] as const) {
  t.test(`${encoding}: clients that continue after the same revision are sent the very same frames`, async (t) => {
    const stream = busy();
    const one = continued(stream, stream.connect(encoding), 100);
    const other = continued(stream, stream.connect(encoding), 100);
    t.ok(one.length > 1, 'more than one piece');
    t.equal(one.length, other.length);
    t.ok(one.every((frame, i) => frame === other[i]));
  });
}

t.test('a client that comes after more has happened is sent exactly that too, in no more pieces', async (t) => {
  const stream = busy();
  t.strictSame(revisions(continued(stream, stream.connect(), 500)), from(501, MISSED));
  for (let more = 1; more <= 20; more++) {
    stream.turn(task(more));
    const frames = continued(stream, stream.connect(), 500);
    t.strictSame(revisions(frames), from(501, MISSED + more));
    t.equal(frames.length, 1);
  }
});

t.test('one that subscribed earlier and is served later receives nothing twice', async (t) => {
  const stream = busy();
  const early = stream.connect();
  early.socket.mode = 'stalled';
  early.say(MessageType.subscribe, 1, { since: 'e:500' });
  stream.turn(task(0));
  t.strictSame(revisions(continued(stream, stream.connect(), 500)), from(501, MISSED + 1));
  early.socket.mode = 'flowing';
  early.drain();
  stream.serve();
  const events = early.heard().filter(([type]) => type === MessageType.batch || type === MessageType.events);
  t.strictSame(
    events.flatMap(([, , , told]) => (told as [number][]).map(([revision]) => revision)),
    from(501, MISSED + 1),
  );
});

t.test('a client with a cap inside a piece that others were sent receives exactly its cap', async (t) => {
  const stream = busy();
  continued(stream, stream.connect(), 0);
  for (const max_events of [1, 150, MISSED - 1]) {
    t.strictSame(revisions(continued(stream, stream.connect(), 0, { max_events })), from(1, max_events));
  }
  t.strictSame(revisions(continued(stream, stream.connect(), 0)), from(1, MISSED));
});

t.test(
  'each filter and each position has its own pieces, and another id of a subscription only another head',
  async (t) => {
    const stream = busy();
    const filter = { ids: ['t599', 't7'] };
    for (let i = 0; i < 2; i++) {
      t.strictSame(revisions(continued(stream, stream.connect(), 0, { filter })), [8, 600]);
      t.strictSame(revisions(continued(stream, stream.connect(), 8, { filter })), [600]);
      t.strictSame(revisions(continued(stream, stream.connect(), 590)), from(591, MISSED));
    }
    const [small, large] = [1, 70_000].map((id) => decoded(continued(stream, stream.connect(), 100, {}, id)));
    t.strictSame(
      large!.map(([type, , ...rest]) => [type, 1, ...rest]),
      small,
    );
  },
);

t.test('what the history no longer holds is not sent from what others were sent', async (t) => {
  const stream = busy({ maxHistoryEvents: MISSED });
  continued(stream, stream.connect(), 0);
  stream.turn(task(0));
  const late = stream.connect();
  late.say(MessageType.subscribe, 1, { since: 'e:0' });
  t.match(late.heard()[0], [MessageType.subscribed, 1, Number, 'resync', 'e:601', 'compacted']);
});

t.test('what was kept is freed when no one has wanted it between two heartbeats', async (t) => {
  const stream = busy();
  const one = continued(stream, stream.connect(), 100);
  stream.catchUp.forgetOld(stream.clock.now());
  t.equal(continued(stream, stream.connect(), 100)[0], one[0]);
  stream.catchUp.forgetOld(stream.clock.now());
  stream.catchUp.forgetOld(stream.clock.now());
  t.not(continued(stream, stream.connect(), 100)[0], one[0]);
});

t.test('of a subscription that begins with the last event nothing is kept: there is nothing to share', async (t) => {
  const pieces = new HistoryPieces();
  const group = new Group(1 as GroupId, {}, 'msgpack');
  pieces.add(new HistoryPiece(group, revision(7), revision(7), []));
  t.equal(pieces.find(group, revision(7)), undefined);
  const looked = new HistoryPiece(group, revision(7), revision(9), []);
  pieces.add(looked);
  t.equal(pieces.find(group, revision(7)), looked, 'but that two events do not match');
});
