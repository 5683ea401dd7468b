import t from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { present } from '../../support/changes.js';
import { Stream } from '../../support/stream.js';

t.test('many clients that subscribe in one turn of the loop share the time of one turn', async (t) => {
  const stream = new Stream();
  stream.turn(...Array.from({ length: 2_000 }, (_, n) => present('task', `t${String(n)}`, { n })));
  const crowd = Array.from({ length: 10 }, () => stream.connect());
  stream.clock.lookCostMs = 1;
  for (const peer of crowd) peer.say(MessageType.subscribe, 1);
  const last = crowd.at(-1)!;
  t.same(
    last.heard().map(([type]) => type),
    [MessageType.subscribed],
    'the last client is subscribed, and waits',
  );
  stream.serve(2_000);
  for (const peer of crowd) t.equal(peer.heard().at(-1)?.[0], MessageType.synced, 'each client is synced in the end');
});

t.test('new subscriptions and those that are behind share the time of one turn', async (t) => {
  const stream = new Stream();
  stream.turn(...Array.from({ length: 5_000 }, (_, n) => present('task', `t${String(n)}`, { n })));
  const crowd = Array.from({ length: 10 }, () => stream.connect());
  // Here only reading the clock takes time, once every 64 records: a turn has room for four readings.
  stream.clock.lookCostMs = 0.25;
  for (const peer of crowd) peer.say(MessageType.subscribe, 1);
  const turns = [0];
  for (let served = 0; served < crowd.length * 5_000; served = stream.hub.deliveredBehind) {
    stream.serve(1);
    turns.push(stream.hub.deliveredBehind - served);
  }
  const most = Math.max(...turns);
  t.ok(most <= 5 * 64, `${String(most)} records in one turn, what came at its beginning included`);
  for (const peer of crowd) t.equal(peer.heard().at(-1)?.[0], MessageType.synced);
});
