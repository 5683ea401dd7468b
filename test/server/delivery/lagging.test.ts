import t from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

const task = (n: number) => present('task', `t${String(n).padStart(4, '0')}`, { n });

/** The events of `events` frames, after checking that each frame begins where the one before it ended. */
function followed(t: Tap, messages: readonly unknown[][], from = 0): number[] {
  const numbers: number[] = [];
  let index = from;
  for (const [type, , first, events] of messages) {
    if (type !== MessageType.events) continue;
    t.equal(first, index, 'no gap and no repetition');
    for (const [, , , , , { n }] of events as [0, 0, 0, 0, 0, { n: number }][]) numbers.push(n);
    index += (events as unknown[]).length;
  }
  return numbers;
}

type Tap = Pick<typeof t, 'equal'>;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

function stalledAfterSync(stream: Stream): Peer {
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.heard();
  peer.socket.mode = 'stalled';
  return peer;
}

t.test('nothing is queued for a client that reads nothing, and it receives the same events later', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const slow = stalledAfterSync(stream);
  const fast = stream.connect();
  fast.say(MessageType.subscribe, 1);
  for (let n = 0; n < 300; n++) stream.turn(task(n));
  t.ok(slow.socket.queuedBytes < 300, 'its queue stays at the bound and one frame');
  t.same(followed(t, fast.heard()), upTo(300), 'nobody waits for it');

  slow.socket.mode = 'flowing';
  slow.drain();
  stream.serve();
  stream.turn(task(300), task(301));
  t.same(followed(t, slow.heard()), upTo(302));
});

t.test('no more than maxQueuedBytes and one event wait for a socket, whatever the size of the frames', async (t) => {
  for (const maxQueuedBytes of [500, 2_000, 10_000]) {
    const stream = new Stream({ maxQueuedBytes });
    stream.turn(...upTo(200).map(task));
    const peers = [stalledAfterSync(stream), stream.connect()];
    const most = (): number => Math.max(...peers.map(({ socket }) => socket.queuedBytes));
    // The second client stalls inside its snapshot.
    peers[1]!.socket.mode = 'stalled';
    peers[1]!.say(MessageType.subscribe, 1);
    for (let n = 200; n < 1_200; n += 50) {
      stream.turn(...Array.from({ length: 50 }, (_, i) => task(n + i)));
      for (const peer of peers) peer.drain(n % 200 === 0 ? 1 : 0);
      stream.serve(2);
      t.ok(
        most() <= maxQueuedBytes + 200,
        `${String(most())} bytes wait; the limit is ${String(maxQueuedBytes)} and one event`,
      );
    }
    for (const peer of peers) peer.socket.mode = 'flowing';
    for (let i = 0; i < 100; i++) {
      for (const peer of peers) peer.drain();
      stream.serve(2);
    }
    t.same(followed(t, peers[0]!.heard(), 0), upTo(1_200).slice(200));
  }
});

t.test('a client that drains a little at a time, while more events occur, catches up', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 2_000 });
  const slow = stalledAfterSync(stream);
  for (let n = 0; n < 400; n++) {
    stream.turn(task(n));
    if (n % 3 === 0) slow.drain(1);
    if (n % 10 === 0) stream.serve(1);
  }
  slow.socket.mode = 'flowing';
  for (let i = 0; i < 50; i++) {
    slow.drain();
    stream.serve(2);
  }
  t.same(followed(t, slow.heard()), upTo(400));
});

t.test('a frame that the socket refuses is sent again', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.heard();
  peer.socket.mode = 'refusing';
  stream.turn(task(0), task(1));
  stream.turn(task(2));
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  t.same(followed(t, peer.heard()), upTo(3));
});

t.test('all subscriptions of a connection fall behind and catch up together', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.say(MessageType.subscribe, 2, { filter: { kinds: ['claim'] } });
  peer.say(MessageType.subscribe, 3, { filter: { ids: ['t0007'] } });
  peer.heard();
  peer.socket.mode = 'stalled';
  for (let n = 0; n < 20; n++) stream.turn(task(n), present('claim', `c${String(n)}`, { n }));
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  stream.turn(present('claim', 'c20', { n: 20 }));
  const messages = peer.heard();
  t.same(
    followed(
      t,
      messages.filter(([, group]) => group === 2),
    ),
    upTo(21),
  );
  t.same(
    followed(
      t,
      messages.filter(([, group]) => group === 3),
    ),
    [7],
  );
  t.equal(
    followed(
      t,
      messages.filter(([, group]) => group === 1),
    ).length,
    41,
  );
});

t.test(
  'a client that needs events which the history no longer holds receives a resync and a new snapshot',
  async (t) => {
    const stream = new Stream({ maxQueuedBytes: 2_000, maxHistoryEvents: 10 });
    const slow = stalledAfterSync(stream);
    for (let n = 0; n < 100; n++) stream.turn(task(n % 30));
    slow.socket.mode = 'flowing';
    slow.drain();
    stream.serve();
    stream.turn(task(99));
    const messages = slow.heard();
    const at = messages.findIndex(([type]) => type === MessageType.resync);
    t.strictSame(messages[at], [MessageType.resync, 1, 'lagged']);
    t.match(messages[at + 1], [MessageType.batch, 1, 1], 'the numbers of batches start again');
    t.equal((messages[at + 1]?.[3] as unknown[]).length, 30);
    t.match(messages[at + 2], [MessageType.synced, 1, 100, 100]);
    t.same(followed(t, messages.slice(at + 3), 100), [99], 'and indices go on from the new synced');
  },
);

t.test('a replay becomes a resync when the history no longer holds its next event', async (t) => {
  const stream = new Stream({ maxHistoryEvents: 3_000, maxQueuedBytes: 1_000 });
  for (let n = 0; n < 3_000; n++) stream.turn(task(n));
  const peer = stream.connect();
  peer.socket.mode = 'stalled';
  peer.say(MessageType.subscribe, 1, { since: 'e:1' });
  for (let n = 0; n < 3_000; n++) stream.turn(task(n));
  peer.socket.mode = 'flowing';
  for (let i = 0; i < 20; i++) {
    peer.drain();
    stream.serve(5);
  }
  const types = peer
    .heard()
    .map(([type, , second]) => (type === MessageType.resync ? [MessageType.resync, second] : type));
  t.same(
    types.filter((type) => type !== MessageType.batch),
    [17, [22, 'compacted'], 19],
  );
});

t.test('a heartbeat is sent only to connections with no subscription behind', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const idle = stream.connect();
  idle.heartbeat();
  t.match(idle.heard(), [[MessageType.heartbeat, 0]], 'with no subscription at all');

  const slow = stalledAfterSync(stream);
  slow.heartbeat();
  slow.drain();
  t.match(slow.heard(), [[MessageType.heartbeat, 0]]);
  for (let n = 0; n < 10; n++) stream.turn(task(n));
  slow.heartbeat();
  // The queue is empty again, but the missed events have not been sent.
  slow.drain();
  slow.heartbeat();
  t.same(
    slow.heard().filter(([type]) => type === MessageType.heartbeat),
    [],
  );
  slow.socket.mode = 'flowing';
  stream.serve();
  slow.heartbeat();
  const messages = slow.heard();
  t.match(messages.at(-1), [MessageType.heartbeat, 10], 'after everything up to its revision');
});

t.test('a snapshot is sent in pieces, each when the socket has room', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 70_000 });
  for (let n = 0; n < 1_000; n++)
    stream.turn(present('task', `t${String(n).padStart(4, '0')}`, { n, text: 'x'.repeat(1_000) }));
  const peer = stream.connect();
  peer.socket.mode = 'stalled';
  peer.say(MessageType.subscribe, 1);
  stream.serve();
  t.ok(peer.socket.queuedBytes < 250_000, 'a megabyte is not queued at once');
  stream.turn(task(5_000));
  for (let i = 0; i < 60; i++) {
    peer.drain(1);
    stream.serve(2);
  }
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  const messages = peer.heard();
  let n = 1;
  for (const [type, , first, events] of messages) {
    if (type !== MessageType.batch) continue;
    t.equal(first, n);
    n += (events as unknown[]).length;
  }
  t.equal(n, 1_001);
  t.same(followed(t, messages), [5_000]);
});

t.test('a client that disconnects while behind does not affect the others', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const [slow, other] = [stalledAfterSync(stream), stream.connect()];
  other.say(MessageType.subscribe, 1);
  for (let n = 0; n < 10; n++) stream.turn(task(n));
  slow.session.closed();
  stream.turn(task(10));
  stream.serve();
  t.same(followed(t, other.heard()), upTo(11));
});

t.test(
  'a socket that is empty but reports no drain is repaired at the second heartbeat, and counted as a stall',
  async (t) => {
    const stream = new Stream({ maxQueuedBytes: 100 });
    const slow = stalledAfterSync(stream);
    for (let n = 0; n < 5; n++) stream.turn(task(n));
    slow.heartbeat();
    slow.heartbeat();
    t.equal(stream.hub.stalls, 0, 'something waits: it is slow');
    slow.socket.mode = 'flowing';
    slow.socket.drain();
    slow.heartbeat();
    t.equal(slow.session.port.state, 'congested', 'the engine may be about to say so');
    slow.heartbeat();
    stream.serve();
    t.same(followed(t, slow.heard()), upTo(5));
    t.equal(stream.hub.stalls, 1);
  },
);

t.test('a socket that is being closed drops everything, and does not count as a stall', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const slow = stalledAfterSync(stream);
  slow.socket.mode = 'refusing';
  stream.turn(task(0));
  for (let n = 0; n < 5; n++) {
    slow.heartbeat();
    stream.serve(2);
  }
  t.equal(stream.hub.stalls, 0);
});

t.test('missed events follow an answer that finds the queue empty before the engine reports it', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const slow = stalledAfterSync(stream);
  for (let n = 0; n < 5; n++) stream.turn(task(n));
  slow.socket.mode = 'flowing';
  slow.socket.drain();
  slow.say(MessageType.ping, 1);
  stream.serve();
  t.same(followed(t, slow.heard()), upTo(5));
});
