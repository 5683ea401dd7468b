import t from 'tap';
import { MessageType, subscriptionId } from '../../../protocol/index.js';
import { present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

const task = (n: number, text = '') => present('task', `t${String(n).padStart(3, '0')}`, { n, text });
const progress = (peer: Peer, id = 1) => peer.session.subscriber.progress(subscriptionId(id));

t.test('a subscription that ends at its cap ends at the revision of the last event that it was sent', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { max_events: 3 });
  stream.turn(task(0));
  t.match(progress(peer), { progress: { at: 'live', until: 1 }, delivered: 1, maxEvents: 3 });
  stream.turn(task(1), task(2), task(3), task(4));
  t.match(progress(peer), { progress: { at: 'lagging', until: 3 }, delivered: 3, ended: 'max_events' });
  stream.turn(task(5));
  t.match(progress(peer), { progress: { until: 3 }, delivered: 3 }, 'and stays there');
});

t.test('inside a snapshot the last record that was sent is known, and the revision of the whole', async (t) => {
  const stream = new Stream({ maxQueuedBytes: 2_000 });
  stream.turn(...Array.from({ length: 50 }, (_, n) => task(n, 'x'.repeat(100))));
  const peer = stream.connect();
  peer.socket.mode = 'stalled';
  peer.say(MessageType.subscribe, 1);
  const { progress: at, delivered, queuedBytes } = progress(peer)!;
  t.match(at, { at: 'snapshot', cut: 50, last: { id: `t${String(delivered - 1).padStart(3, '0')}` } });
  t.ok(delivered > 1 && delivered < 50);
  t.equal(queuedBytes, peer.socket.queuedBytes, 'its port is congested');
  stream.turn(task(50));
  t.match(progress(peer), { progress: { cut: 50 }, beginning: { by: 'snapshot', from: 50 } });
  peer.socket.mode = 'flowing';
  peer.drain();
  stream.serve();
  t.match(progress(peer), { progress: { at: 'live', until: 51 }, delivered: 51 });
  t.notOk('queuedBytes' in progress(peer)!);
});

t.test(
  'a connection whose socket is full has been sent everything up to a revision, in each of its subscriptions',
  async (t) => {
    const stream = new Stream({ maxQueuedBytes: 300 });
    const peer = stream.connect();
    peer.say(MessageType.subscribe, 1, { filter: { kinds: ['task'] } });
    peer.say(MessageType.subscribe, 2, { filter: { kinds: ['claim'] } });
    stream.turn(task(0));
    peer.socket.mode = 'stalled';
    for (let n = 1; n < 5; n++) stream.turn(task(n, 'x'.repeat(200)));
    const lagging = progress(peer)!;
    t.match(lagging, { progress: { at: 'lagging', until: 2 }, delivered: 2 }, 'the third event found no room');
    t.match(progress(peer, 2), { progress: { at: 'lagging', until: 3 }, delivered: 0 }, 'that turn had nothing for it');
    peer.say(MessageType.unsubscribe, 2);
    t.match(progress(peer, 2), { ended: 'unsubscribed' });
    t.notOk('queuedBytes' in progress(peer, 2)!, 'one that has ended waits for nothing');
  },
);

t.test('how the last sixteen subscriptions of a connection ended is known, and of no other', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  for (let id = 1; id <= 18; id++) {
    peer.say(MessageType.subscribe, id);
    peer.say(MessageType.unsubscribe, id);
  }
  const known = (id: number) => progress(peer, id)?.ended;
  t.same([1, 2, 3, 18, 19].map(known), [undefined, undefined, 'unsubscribed', 'unsubscribed', undefined]);
  peer.say(MessageType.subscribe, 3);
  t.equal(known(3), undefined, 'an id that is in use again tells of its present use');
  peer.say(MessageType.unsubscribe, 3);
  peer.say(MessageType.subscribe, 20);
  peer.say(MessageType.unsubscribe, 20);
  t.same([3, 4].map(known), ['unsubscribed', undefined], 'and counts from its last end');
});
