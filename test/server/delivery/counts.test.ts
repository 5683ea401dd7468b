import t from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { present } from '../../support/changes.js';
import { Stream } from '../../support/stream.js';

const tasks = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => present('task', `t${String(from + n)}`));

t.test('each event is counted once for each subscription that it is sent to, live or behind', async (t) => {
  const stream = new Stream();
  const { hub } = stream;
  const counts = () => [hub.fanOut.delivered, hub.deliveredBehind];
  stream.turn(...tasks(0, 3));
  const [one, other] = [stream.connect(), stream.connect()];
  one.say(MessageType.subscribe, 1);
  t.same(counts(), [0, 3], 'a snapshot');
  other.say(MessageType.subscribe, 1, { since: 'e:1' });
  t.same(counts(), [0, 5], 'a replay');
  stream.turn(...tasks(3, 2));
  t.same(counts(), [4, 5], 'two events to two live ones');
  const filtered = stream.connect();
  filtered.say(MessageType.subscribe, 1, { filter: { kinds: ['claim'] } });
  stream.turn(...tasks(5, 1));
  t.same(counts(), [6, 5]);
});

t.test('what a subscription has missed is counted when it is sent', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 1 });
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.socket.mode = 'stalled';
  for (let n = 0; n < 4; n++) stream.turn(...tasks(n, 1));
  const { deliveredBehind } = stream.hub;
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  t.equal(stream.hub.deliveredBehind - deliveredBehind, 3, 'all but the one that waited in the socket');
});

t.test('each beginning anew is counted by its reason', async (t) => {
  const stream = new Stream({ maxHistoryEvents: 2, maxQueuedBytes: 1 });
  stream.turn(...tasks(0, 1));
  const [lagging, replayed] = [stream.connect(), stream.connect()];
  lagging.say(MessageType.subscribe, 1);
  lagging.socket.mode = 'stalled';
  replayed.socket.mode = 'stalled';
  replayed.say(MessageType.subscribe, 1, { since: 'e:0' });
  for (let n = 1; n < 6; n++) stream.turn(...tasks(n, 1));
  for (const peer of [lagging, replayed]) {
    peer.socket.mode = 'flowing';
    peer.drain();
    stream.serve();
  }
  const asked = stream.connect();
  asked.say(MessageType.subscribe, 1, { since: 'e:0' });
  asked.say(MessageType.subscribe, 2, { since: 'f:0' });
  asked.say(MessageType.subscribe, 3, { since: 'e:900' });
  t.same(stream.hub.resyncs, { compacted: 2, epoch: 1, future: 1, lagged: 1, restart: 0 });
});

t.test('a filter that wants no records of the snapshot is synced at once, without any', async (t) => {
  const stream = new Stream();
  stream.turn(...tasks(0, 3));
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { filter: { event_types: ['added'] } });
  t.same(
    peer.heard().map(([type]) => type),
    [MessageType.subscribed, MessageType.synced],
  );
  stream.turn(...tasks(3, 1));
  t.match(peer.heard(), [[MessageType.events, 1, 0]]);
});

t.test('a frame holds as many events of a turn as fit into the queue, to the byte', async (t) => {
  /** What a frame has beside its events, at most. */
  const HEAD_BYTES = 64;
  const measuring = new Stream();
  const peer = measuring.connect('json');
  peer.say(MessageType.subscribe, 1);
  peer.socket.frames.length = 0;
  measuring.turn(present('task', 'a'));
  const eventBytes = peer.socket.frames[0]!.length - '[20,1,0,[]]'.length;
  for (const [most, frames] of [
    [2 * eventBytes + 1, 2],
    [2 * eventBytes, 4],
  ] as const) {
    const stream = new Stream({ maxQueuedBytes: HEAD_BYTES + most });
    const reader = stream.connect('json');
    reader.say(MessageType.subscribe, 1);
    reader.heard();
    stream.turn(...['a', 'b', 'c', 'd'].map((id) => present('task', id)));
    t.equal(reader.heard().length, frames);
  }
});

t.test('what a bus forgets when it stops is sent to nobody, and nobody waits for it', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 1 });
  stream.turn(...tasks(0, 3));
  const peer = stream.connect();
  peer.socket.mode = 'stalled';
  peer.say(MessageType.subscribe, 1);
  stream.catchUp.clear();
  peer.socket.mode = 'flowing';
  peer.socket.drain();
  t.equal(stream.catchUp.step(stream.current()), false);
  t.same(
    peer.heard().map(([type]) => type),
    [MessageType.subscribed],
  );
});
