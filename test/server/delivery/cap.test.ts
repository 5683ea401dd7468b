import t from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { absent, present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

/** What a client has received, in short form: the number of events of each message with events, the name of each other message. */
function heard(peer: Peer): string[] {
  const names: Readonly<Record<number, string>> = { 17: 'subscribed', 19: 'synced', 21: 'complete', 22: 'resync' };
  return peer.heard().map(([type, ...rest]) => {
    if (type === MessageType.batch) return `batch ${String((rest[2] as unknown[]).length)}`;
    if (type === MessageType.events) return `events ${String((rest[2] as unknown[]).length)}`;
    return type === MessageType.complete ? `complete ${String(rest[1])} ${String(rest[2])}` : names[type as number]!;
  });
}

const tasks = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => present('task', `t${String(from + n).padStart(4, '0')}`));

t.test('a cap is exact wherever it is reached', async (t) => {
  const cases: [string, number, readonly string[]][] = [
    ['inside the snapshot', 2, ['subscribed', 'batch 2', 'complete max_events 2']],
    ['with the last event of the snapshot', 3, ['subscribed', 'batch 3', 'complete max_events 3']],
    ['with the first event after it', 4, ['subscribed', 'batch 3', 'synced', 'events 1', 'complete max_events 4']],
    ['inside a turn', 6, ['subscribed', 'batch 3', 'synced', 'events 1', 'events 2', 'complete max_events 6']],
    ['at the end of a turn', 8, ['subscribed', 'batch 3', 'synced', 'events 1', 'events 4', 'complete max_events 8']],
    ['never', 9, ['subscribed', 'batch 3', 'synced', 'events 1', 'events 4']],
  ];
  for (const encoding of ['msgpack', 'json'] as const) {
    for (const [where, max_events, expected] of cases) {
      const stream = new Stream();
      stream.turn(...tasks(0, 3));
      const [peer, uncapped] = [stream.connect(encoding), stream.connect(encoding)];
      peer.say(MessageType.subscribe, 1, { max_events });
      uncapped.say(MessageType.subscribe, 1);
      stream.turn(...tasks(3, 1));
      stream.turn(...tasks(4, 4));
      t.same(heard(peer), expected, where);
      t.same(heard(uncapped), ['subscribed', 'batch 3', 'synced', 'events 1', 'events 4'], 'and nobody else’s');
    }
  }
});

t.test('a cap is exact in a replay, and after it', async (t) => {
  for (const [max_events, expected] of [
    [1, ['subscribed', 'batch 1', 'complete max_events 1']],
    [2, ['subscribed', 'batch 2', 'complete max_events 2']],
    [3, ['subscribed', 'batch 2', 'synced', 'events 1', 'complete max_events 3']],
  ] as const) {
    const stream = new Stream();
    stream.turn(...tasks(0, 3));
    const peer = stream.connect();
    peer.say(MessageType.subscribe, 1, { max_events, since: 'e:1' });
    stream.turn(...tasks(3, 2));
    t.same(heard(peer), expected);
  }
});

t.test('a cap is exact for a client that lags, whenever its socket drains', async (t) => {
  for (const [max_events, complete] of [
    [5, true],
    [6, true],
    [7, true],
    [10, true],
    [11, false],
  ] as const) {
    const stream = new Stream({ maxQueuedBytes: 1 });
    const peer = stream.connect();
    peer.say(MessageType.subscribe, 1, { max_events });
    stream.turn(...tasks(0, 4));
    peer.socket.mode = 'stalled';
    for (let n = 4; n < 10; n += 2) stream.turn(...tasks(n, 2));
    peer.socket.mode = 'flowing';
    peer.drain();
    stream.serve();
    const messages = peer.heard();
    const events = messages
      .filter(([type]) => type === MessageType.events)
      .flatMap(([, , , events]) => events as unknown[]);
    t.equal(events.length, Math.min(max_events, 10), `cap ${String(max_events)}`);
    t.same(messages.at(-1)?.[0] === MessageType.complete, complete);
    stream.turn(...tasks(20, 1));
    t.equal(peer.heard().length, complete ? 0 : 2, 'nothing after complete');
  }
});

t.test('the last event that a cap allows waits as any other does, where the queue has no room for it', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 1_024 });
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { max_events: 2 });
  peer.heard();
  peer.socket.mode = 'stalled';
  const text = 'x'.repeat(600);
  for (const id of ['a', 'b']) stream.turn(present('task', id, { text }));
  t.ok(peer.socket.queuedBytes <= 1_024, String(peer.socket.queuedBytes));
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  t.same(heard(peer), ['events 1', 'events 1', 'complete max_events 2']);
});

t.test('a cap counts over a resync', async (t) => {
  const stream = new Stream({ maxHistoryEvents: 2, maxQueuedBytes: 1 });
  stream.turn(...tasks(0, 2));
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { max_events: 8 });
  stream.turn(...tasks(2, 1));
  peer.socket.mode = 'stalled';
  for (let n = 3; n < 9; n++) stream.turn(absent('task', 't0000'), ...tasks(n, 1));
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  // The queue is so short that each event has its own frame.
  t.same(heard(peer), [
    'subscribed',
    ...['batch 1', 'batch 1', 'synced'],
    ...['events 1', 'events 1'],
    'resync',
    ...['batch 1', 'batch 1', 'batch 1', 'batch 1'],
    'complete max_events 8',
  ]);
});

t.test('each member of a group ends at its own cap, whenever it joined', async (t) => {
  const stream = new Stream();
  const peers: Peer[] = [];
  for (let n = 0; n < 30; n++) {
    const peer = stream.connect();
    peer.say(MessageType.subscribe, 1, { snapshot: 'none', max_events: (n % 7) + 1 });
    peers.push(peer);
    stream.turn(...tasks(3 * n, (n % 4) + 1));
  }
  stream.turn(...tasks(500, 20));
  peers.forEach((peer, n) => {
    const messages = peer.heard();
    const events = messages
      .filter(([type]) => type === MessageType.events)
      .flatMap(([, , , events]) => events as unknown[]);
    t.equal(events.length, (n % 7) + 1);
    t.strictSame(messages.at(-1), [MessageType.complete, 1, 'max_events', (n % 7) + 1]);
  });
  t.equal(stream.hub.fanOut.groupCount, 0);
});
