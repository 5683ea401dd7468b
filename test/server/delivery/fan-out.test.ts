import t from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { present } from '../../support/changes.js';
import { Stream } from '../../support/stream.js';

t.test('subscriptions with equivalent filters share a group, however the filters are written', async (t) => {
  const stream = new Stream();
  const peers = [stream.connect(), stream.connect(), stream.connect('json')];
  peers[0]?.say(MessageType.subscribe, 1, { filter: { kinds: ['task', 'claim'], ids: ['a', 'b'] } });
  peers[1]?.say(MessageType.subscribe, 1, { filter: { ids: ['b', 'a', 'a'], kinds: ['claims', 'tasks'] } });
  t.equal(stream.hub.fanOut.groupCount, 1);
  peers[2]?.say(MessageType.subscribe, 1, { filter: { ids: ['a', 'b'], kinds: ['claim', 'task'] } });
  t.equal(stream.hub.fanOut.groupCount, 2, 'but not over encodings');
});

t.test('the events of one turn are one frame, unless there are too many', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.heard();
  stream.turn(...Array.from({ length: 50 }, (_, n) => present('task', String(n))));
  t.equal(peer.heard().length, 1);
  stream.turn(...Array.from({ length: 50 }, (_, n) => present('task', String(n), { text: 'x'.repeat(20_000) })));
  const frames = peer.heard();
  t.ok(frames.length > 2);
  t.equal(frames.flatMap(([, , , events]) => events as unknown[]).length, 50);
  t.same(
    frames.map(([, , index]) => index),
    frames.map(
      (_, i) => 50 + frames.slice(0, i).reduce((sum, [, , , events]) => sum + (events as unknown[]).length, 0),
    ),
  );
});

t.test('an event that is larger than the limit of a frame is sent alone', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.heard();
  stream.turn(present('task', 'big', { text: 'x'.repeat(300_000) }), present('task', 'small'));
  t.same(
    peer.heard().map(([, , index]) => index),
    [0, 1],
  );
});

t.test('an event that matches no filter is published, and counted by no group', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { filter: { kinds: ['claim'] } });
  peer.heard();
  stream.turn(present('task', 'a'));
  t.same(peer.heard(), []);
  t.equal(stream.hub.revision, 1);
  stream.turn(present('claim', 'a'));
  t.match(peer.heard(), [[MessageType.events, 1, 0]]);
});

t.test(
  'subscriptions of one connection with one filter are in groups of their own, which others share and which end',
  async (t) => {
    const stream = new Stream();
    const { fanOut } = stream.hub;
    const [one, other] = [stream.connect(), stream.connect()];
    const groups = (): number[] => [...fanOut.groups()].map(({ id }) => id).sort();
    for (const id of [1, 2, 3]) one.say(MessageType.subscribe, id);
    for (const id of [1, 2, 3]) other.say(MessageType.subscribe, id);
    t.same([groups(), fanOut.groupCount], [[1, 2, 3], 3]);
    const unsubscribe = (id: number): void => [one, other].forEach((peer) => peer.say(MessageType.unsubscribe, id));
    one.say(MessageType.unsubscribe, 2);
    t.same(groups(), [1, 2, 3], 'a group stays while one subscription holds it');
    other.say(MessageType.unsubscribe, 2);
    t.same([groups(), fanOut.groupCount], [[1, 3], 2]);
    [one, other].forEach((peer) => peer.heard());
    stream.turn(present('task', 'a'));
    for (const peer of [one, other])
      t.same(
        peer
          .heard()
          .map(([type, group]) => [type, group])
          .sort(),
        [
          [MessageType.events, 1],
          [MessageType.events, 3],
        ],
      );
    unsubscribe(1);
    t.same([groups(), fanOut.groupCount], [[3], 1]);
    unsubscribe(3);
    t.same([groups(), fanOut.groupCount], [[], 0]);
  },
);
