import t from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

const SUSPECT = { backend: 'none', healthy: false, last_scan_ms: 0, state: 'suspect' } as const;

/** Asks for a barrier, and lets what it promises go on. */
async function sync(peer: Peer, nonce: number): Promise<unknown[]> {
  peer.say(MessageType.sync, nonce);
  await new Promise((resolve) => setImmediate(resolve));
  return peer.heard().map(([type, second]) => (type === MessageType.syncDone ? `done ${String(second)}` : type));
}

t.test('a barrier is answered at once where nothing is new but what was read', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  t.strictSame(await sync(peer, 1), ['done 1']);
  stream.clock.advance(60_000);
  t.strictSame(await sync(peer, 2), ['done 2']);
});

t.test('what can be seen no longer is said before the answer, and once', async (t) => {
  const stream = new Stream();
  const before = stream.connect();
  stream.health = SUSPECT;
  for (const peer of [before, stream.connect()]) {
    t.strictSame(await sync(peer, 1), [MessageType.heartbeat, 'done 1']);
    t.strictSame(await sync(peer, 2), ['done 2']);
  }
});

t.test('a server that cannot see everything says so right after its welcome', async (t) => {
  const stream = new Stream();
  const types = (peer: Peer): unknown[] => peer.heard().map(([type]) => type);
  const healthy = types(stream.connect());
  stream.health = SUSPECT;
  t.strictSame(types(stream.connect()), [...healthy, MessageType.heartbeat]);
});

t.test('that an origin which was away is back is said before the answer', async (t) => {
  const stream = new Stream();
  const health = { backend: 'none', healthy: true, last_scan_ms: 0, state: 'watching', origin: 'present' } as const;
  stream.health = { ...health, healthy: false, origin: 'away' };
  const peer = stream.connect();
  peer.heartbeat();
  peer.heard();
  stream.health = health;
  t.strictSame(await sync(peer, 1), [MessageType.heartbeat, 'done 1']);
  t.strictSame(await sync(peer, 2), ['done 2']);
});

t.test('that the clock was set back is said before the answer', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  stream.clock.setWallClock(3_600_000);
  t.strictSame(await sync(peer, 1), ['done 1'], 'ahead no lease is held that is not');
  peer.heartbeat();
  peer.heard();
  stream.clock.setWallClock(-3_600_000);
  t.strictSame(await sync(peer, 2), [MessageType.heartbeat, 'done 2']);
});

t.test('an answer waits where a heartbeat may not be sent yet', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 100 });
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.heard();
  peer.socket.mode = 'stalled';
  for (let n = 0; n < 10; n++) stream.turn(present('task', `t${String(n)}`, { n }));
  stream.health = SUSPECT;
  await sync(peer, 1);
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  const told = (): unknown[] => peer.heard().map(([type]) => type);
  t.notOk(told().includes(MessageType.syncDone));
  peer.heartbeat();
  t.strictSame(told(), [MessageType.heartbeat, MessageType.syncDone]);
});
