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
