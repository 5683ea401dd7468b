import t from 'tap';
import { CloseCode, MessageType, revision, type WireEvent } from '../../../protocol/index.js';
import { absent, NOW, present } from '../../support/changes.js';
import { Stream } from '../../support/stream.js';

const BIG = 'x'.repeat(1_000);

t.test('the first message on a connection is welcome', async (t) => {
  for (const encoding of ['msgpack', 'json'] as const) {
    const { socket } = new Stream().connect(encoding);
    t.match(socket.messages, [[MessageType.welcome, { protocol: 1, epoch: 'e', revision: 0 }]]);
  }
});

t.test('a subscription begins with a snapshot, then synced, then the events', async (t) => {
  const stream = new Stream();
  stream.turn(present('task', 'b', { n: 1 }), present('reservation', 'a', {}), present('task', 'a', {}));
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 7);
  t.strictSame(peer.heard(), [
    [MessageType.subscribed, 7, 1, 'snapshot', 'e:3'],
    [
      MessageType.batch,
      7,
      1,
      [
        [2, 0, 0, 'a', NOW, {}, null, 'no-expiry', null, ['none', null, null]],
        [3, 0, 4, 'a', NOW, {}],
        [1, 0, 4, 'b', NOW, { n: 1 }],
      ],
    ],
    [MessageType.synced, 7, 3, 0],
  ]);
  stream.turn(present('task', 'c', { n: 2 }), absent('task', 'b'));
  stream.turn(absent('task', 'c'));
  t.strictSame(peer.heard(), [
    [
      MessageType.events,
      1,
      0,
      [
        [4, 1, 4, 'c', NOW, { n: 2 }],
        [5, 3, 4, 'b', NOW, { n: 1 }, 'deleted'],
      ],
    ],
    [MessageType.events, 1, 2, [[6, 3, 4, 'c', NOW, { n: 2 }, 'deleted']]],
  ]);
});

t.test('an empty snapshot is also followed by synced', async (t) => {
  const stream = new Stream();
  stream.turn(present('task', 'a'));
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 7, { filter: { ids: ['nothing'] } });
  t.strictSame(peer.heard(), [
    [MessageType.subscribed, 7, 1, 'snapshot', 'e:1'],
    [MessageType.synced, 7, 1, 0],
  ]);
  peer.say(MessageType.subscribe, 8, { filter: { event_types: ['added'] } });
  t.strictSame(
    peer.heard().map(([type]) => type),
    [MessageType.subscribed, MessageType.synced],
    'a subscription without the type snapshot receives no snapshot events',
  );
});

t.test('JSON and MessagePack carry the same messages', async (t) => {
  const stream = new Stream();
  stream.turn(present('task', 'ä', { text: '\u{1f600}', list: [1, null, { x: 0.5 }] }));
  const peers = [stream.connect('msgpack'), stream.connect('json')];
  for (const peer of peers) peer.say(MessageType.subscribe, 7, { max_events: 2 });
  stream.turn(absent('task', 'ä'));
  const [packed, json] = peers.map((peer) => peer.heard());
  // The two encodings are two groups.
  t.strictSame(
    json?.map((message) => JSON.stringify(message).replace(/^\[(17,7|20),2,/, '[$1,1,')),
    packed?.map((message) => JSON.stringify(message)),
  );
});

t.test('events that occur while a snapshot is sent follow it, none lost and none twice', async (t) => {
  const stream = new Stream();
  for (let n = 0; n < 500; n++) stream.turn(present('task', String(n).padStart(3, '0'), { n }));
  const peer = stream.connect();
  stream.clock.lookCostMs = 1;
  peer.say(MessageType.subscribe, 7);
  t.notOk(
    peer.socket.messages.some(([type]) => type === MessageType.synced),
    'the snapshot takes more than one turn',
  );
  const later = stream.connect();
  for (let n = 0; n < 20; n++) {
    stream.turn(present('task', '000', { n: -n }), absent('task', String(499 - n)), present('claim', `c${String(n)}`));
    if (n === 10) later.say(MessageType.subscribe, 1);
    stream.serve(1);
  }
  stream.serve(200);
  peer.say(MessageType.ping, 1);
  stream.turn(present('claim', 'the last'));

  for (const one of [peer, later]) {
    const view = new Map<string, unknown>();
    let index: number | undefined;
    for (const [type, , second, third] of one.heard()) {
      if (type === MessageType.synced) index = third as number;
      if (type !== MessageType.batch && type !== MessageType.events) continue;
      if (type === MessageType.events) t.equal(second, index);
      for (const [, eventType, kind, id, , data] of third as [number, number, number, string, number, unknown][]) {
        const key = `${String(kind)}/${id}`;
        t.equal(view.has(key), eventType === 2 || eventType === 3, `${key} ${String(eventType)}`);
        if (eventType === 3) view.delete(key);
        else view.set(key, data);
      }
      if (type === MessageType.events) index! += (third as unknown[]).length;
    }
    t.same([...view.values()].length, stream.store.size);
    for (const { kind, id, data } of stream.store.cut().versions) {
      t.same(view.get(`${kind === 'task' ? '4' : '5'}/${id}`), data);
    }
  }
});

t.test('every member of a group receives the same bytes', async (t) => {
  const stream = new Stream();
  const peers = [stream.connect(), stream.connect(), stream.connect()];
  peers.forEach((peer, n) => {
    peer.say(MessageType.subscribe, n, { filter: { kinds: n === 0 ? ['task'] : ['tasks', 'task'] } });
    peer.socket.frames.length = 0;
  });
  stream.turn(present('task', 'a'), present('task', 'b'));
  const frames = peers.map(({ socket }) => socket.frames);
  t.same(
    frames.map(({ length }) => length),
    [1, 1, 1],
  );
  t.ok(
    frames.every(([frame]) => frame === frames[0]![0]),
    'one object',
  );
});

t.test('two subscriptions of one connection with the same filter are in two groups', async (t) => {
  const stream = new Stream();
  const [one, other] = [stream.connect(), stream.connect()];
  one.say(MessageType.subscribe, 1);
  one.say(MessageType.subscribe, 2);
  other.say(MessageType.subscribe, 1);
  const groups = [...one.heard(), ...other.heard()]
    .filter(([type]) => type === MessageType.subscribed)
    .map(([, , group]) => group);
  t.same(groups, [1, 2, 1]);
  stream.turn(present('task', 'a'));
  t.same(
    one
      .heard()
      .map(([type, group, index]) => [type, group, index])
      .sort(),
    [
      [20, 1, 0],
      [20, 2, 0],
    ],
  );
  one.say(MessageType.unsubscribe, 1);
  one.say(MessageType.subscribe, 3);
  t.same(
    one
      .heard()
      .filter(([type]) => type === MessageType.subscribed)
      .map(([, sub, group]) => [sub, group]),
    [[3, 1]],
    'an empty group is used again',
  );
});

t.test('a filter sees a record as added when it enters, modified inside, removed when it leaves', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { filter: { run_ids: ['a'] } });
  peer.heard();
  stream.turn(present('task', 't', { run_id: 'b' }));
  stream.turn(present('task', 't', { run_id: 'a', n: 1 }));
  stream.turn(present('task', 't', { run_id: 'a', n: 2 }));
  stream.turn(present('task', 't', { run_id: 'b', n: 3 }));
  stream.turn(absent('task', 't'));
  const events = peer.heard().flatMap(([, , , events]) => events as unknown[]);
  t.strictSame(events, [
    [2, 1, 4, 't', NOW, { run_id: 'a', n: 1 }],
    [3, 2, 4, 't', NOW, { run_id: 'a', n: 2 }],
    [4, 3, 4, 't', NOW, { run_id: 'a', n: 2 }, 'left-filter'],
  ]);
});

t.test('unsubscribe is answered with complete, and nothing follows it', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 7);
  stream.turn(present('task', 'a'));
  peer.heard();
  peer.say(MessageType.unsubscribe, 7);
  stream.turn(present('task', 'b'));
  t.strictSame(peer.heard(), [[MessageType.complete, 7, 'unsubscribed', 1]]);
  peer.say(MessageType.unsubscribe, 7);
  t.match(peer.heard(), [[MessageType.error, 7, 'unknown-subscription']]);
  peer.say(MessageType.subscribe, 7);
  t.match(peer.heard()[0], [MessageType.subscribed, 7], 'the number is free again');
});

t.test('a subscription id in use is refused, and its subscription continues', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 7, { filter: { kinds: ['task'] } });
  peer.heard();
  peer.say(MessageType.subscribe, 7);
  t.match(peer.heard(), [[MessageType.error, 7, 'duplicate-subscription']]);
  stream.turn(present('task', 'a'), present('claim', 'a'));
  t.match(peer.heard(), [[MessageType.events, 1, 0, [[1]]]]);
});

t.test('refusals name their code', async (t) => {
  const stream = new Stream({ maxSubscriptions: 2 });
  const peer = stream.connect();
  peer.session.message(Buffer.from('[4,1]'), false);
  t.match(peer.heard(), [[MessageType.error, null, 'binary-only']]);
  const json = stream.connect('json');
  json.session.message(new Uint8Array([0x92, 4, 1]), true);
  t.match(json.heard(), [[MessageType.error, null, 'text-only']]);
  peer.session.message(new Uint8Array([0xc1]), true);
  t.match(peer.heard(), [[MessageType.error, null, 'bad-message']]);
  peer.say(MessageType.subscribe, 1, { max_events: 0 });
  t.match(peer.heard(), [[MessageType.error, 1, 'bad-option']]);
  for (const sub of [1, 2, 3]) peer.say(MessageType.subscribe, sub);
  t.match(peer.heard().at(-1), [MessageType.error, 3, 'limit', /max_subscriptions/]);
});

t.test('a ping is answered after all earlier messages', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  stream.turn(present('task', 'a'));
  peer.say(MessageType.ping, 99);
  t.strictSame(peer.heard().at(-1), [MessageType.pong, 99, NOW]);
});

t.test('too many bad messages, or too many messages, end the connection', async (t) => {
  const stream = new Stream({ maxBadMessages: 3, maxMessagesPerSecond: 5 });
  const bad = stream.connect();
  for (let n = 0; n < 3; n++) bad.say(99);
  t.match(bad.socket.closedWith, { code: CloseCode.tooMany, reason: '3 bad messages' });
  t.equal(bad.heard().length, 2, 'those before were answered');

  const fast = stream.connect();
  for (let n = 0; n < 5; n++) fast.say(MessageType.ping, n);
  stream.clock.advance(1_000);
  for (let n = 0; n < 5; n++) fast.say(MessageType.ping, n);
  t.equal(fast.socket.closedWith, undefined, 'counted by the second');
  fast.say(MessageType.ping, 6);
  t.match(fast.socket.closedWith, { code: CloseCode.tooMany });
});

t.test('a cursor replays exactly what followed it', async (t) => {
  const stream = new Stream();
  for (const id of ['a', 'b', 'c', 'd']) stream.turn(present('task', id), present('claim', id));
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { since: 'e:4', filter: { kinds: ['task'] } });
  stream.turn(present('task', 'e'));
  t.match(peer.heard(), [
    [MessageType.subscribed, 1, 1, 'replay', 'e:4'],
    [
      MessageType.batch,
      1,
      1,
      [
        [5, 1, 4, 'c'],
        [7, 1, 4, 'd'],
      ],
    ],
    [MessageType.synced, 1, 8, 0],
    [MessageType.events, 1, 0, [[9, 1, 4, 'e']]],
  ]);
  peer.say(MessageType.subscribe, 2, { since: 'e:9' });
  t.strictSame(
    peer.heard(),
    [
      [MessageType.subscribed, 2, 2, 'replay', 'e:9'],
      [MessageType.synced, 2, 9, 0],
    ],
    'the current revision is a cursor too',
  );
});

t.test('a cursor that cannot be resumed is answered with the reason and a snapshot', async (t) => {
  const stream = new Stream({ maxHistoryEvents: 3 });
  for (const id of ['a', 'b', 'c', 'd', 'e']) stream.turn(present('task', id));
  const cases = [
    ['e:1', 'compacted'],
    ['e:0', 'compacted'],
    ['f:5', 'epoch'],
    ['e:6', 'future'],
  ] as const;
  for (const [since, why] of cases) {
    const peer = stream.connect();
    peer.say(MessageType.subscribe, 1, { since });
    const [subscribed, batch, synced] = peer.heard();
    t.match(subscribed, [17, 1, Number, 'resync', 'e:5', why]);
    t.equal((batch?.[3] as unknown[]).length, 5);
    t.strictSame(synced, [19, 1, 5, 0]);
    peer.session.closed();
  }
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { since: 'e:2' });
  t.match(
    peer.heard()[0],
    [MessageType.subscribed, 1, Number, 'replay', 'e:2'],
    'the oldest cursor that the history can replay',
  );
});

t.test(
  'a cursor whose future was lost with a killed server is answered with restart, an older one with compacted',
  async (t) => {
    const stream = new Stream({}, { from: revision(5), to: revision(1_009) });
    stream.turn(present('task', 'a'));
    const cases = [
      ['e:4', 'resync', 'compacted'],
      ['e:5', 'resync', 'restart'],
      ['e:1008', 'resync', 'restart'],
      ['e:1009', 'replay', undefined],
    ] as const;
    for (const [since, mode, why] of cases) {
      const peer = stream.connect();
      peer.say(MessageType.subscribe, 1, { since });
      const [subscribed] = peer.heard();
      t.same([subscribed?.[3], subscribed?.[5]], [mode, why], since);
      peer.session.closed();
    }
  },
);

t.test(
  'a client that was where revisions are missing goes on after them, and one that was inside begins again',
  async (t) => {
    const stream = new Stream();
    stream.turn(present('task', 'a'));
    const live = stream.connect();
    live.say(MessageType.subscribe, 1, { snapshot: 'none' });
    stream.skip(9);
    stream.turn(present('task', 'b'));
    const cases = [
      ['e:0', 'replay', undefined, [1, 10]],
      ['e:1', 'replay', undefined, [10]],
      ['e:2', 'resync', 'restart', []],
      ['e:8', 'resync', 'restart', []],
      ['e:9', 'replay', undefined, [10]],
    ] as const;
    for (const [since, mode, why, revisions] of cases) {
      const peer = stream.connect();
      peer.say(MessageType.subscribe, 1, { since, snapshot: 'none' });
      const heard = peer.heard();
      t.same([heard[0]?.[3], heard[0]?.[5]], [mode, why], since);
      const batches = heard.filter(([type]) => type === MessageType.batch);
      t.same(
        batches.flatMap((batch) => (batch[3] as WireEvent[]).map(([revision]) => revision)),
        revisions,
      );
      peer.session.closed();
    }
    const events = live.heard().filter(([type]) => type === MessageType.events);
    t.match(events, [[MessageType.events, Number, Number, [[10]]]]);
  },
);

t.test('without a snapshot a subscription begins with the next event', async (t) => {
  const stream = new Stream();
  stream.turn(present('task', 'a'));
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1, { snapshot: 'none' });
  peer.say(MessageType.subscribe, 2, { snapshot: 'none', since: 'other:1' });
  stream.turn(present('task', 'b'));
  t.match(peer.heard(), [
    [MessageType.subscribed, 1, 1, 'replay', 'e:1'],
    [MessageType.synced, 1, 1, 0],
    [MessageType.subscribed, 2, 2, 'resync', 'e:1', 'epoch'],
    [MessageType.synced, 2, 1, 0],
    [MessageType.events, Number, 0],
    [MessageType.events, Number, 0],
  ]);
});

t.test('when the server stops, every subscription receives complete', async (t) => {
  const stream = new Stream();
  const peer = stream.connect();
  peer.say(MessageType.subscribe, 1);
  peer.say(MessageType.subscribe, 2, { filter: { kinds: ['task'] } });
  stream.turn(present('task', 'a'));
  peer.heard();
  peer.session.shutdown();
  t.strictSame(peer.heard(), [
    [MessageType.complete, 1, 'shutdown', 1],
    [MessageType.complete, 2, 'shutdown', 1],
  ]);
  t.equal(stream.hub.fanOut.groupCount, 0);
});

t.test('a connection that closes leaves its groups', async (t) => {
  const stream = new Stream();
  const [one, other] = [stream.connect(), stream.connect()];
  for (const peer of [one, other]) peer.say(MessageType.subscribe, 1);
  one.say(MessageType.subscribe, 2, { filter: { kinds: ['task'] } });
  t.equal(stream.hub.fanOut.groupCount, 2);
  one.session.closed();
  t.equal(stream.hub.fanOut.groupCount, 1);
  one.say(MessageType.subscribe, 3);
  t.equal(stream.hub.fanOut.groupCount, 1, 'later messages of this connection are ignored');
  other.session.closed();
  t.equal(stream.hub.fanOut.groupCount, 0);
});

t.test('a connection that cannot take an answer is closed, and the other members of its groups stay', async (t) => {
  const stream = new Stream();
  const [stuck, other] = [stream.connect(), stream.connect()];
  stuck.say(MessageType.subscribe, 1);
  other.say(MessageType.subscribe, 1);
  other.heard();
  stuck.socket.mode = 'refusing';
  stuck.say(MessageType.unsubscribe, 1);
  t.match(stuck.socket.closedWith, { code: CloseCode.tooSlow });
  stream.turn(present('task', 'a', { BIG }));
  t.match(other.heard(), [[MessageType.events, 1, 0]], 'the other still receives events');
  other.session.closed();
  t.equal(stream.hub.fanOut.groupCount, 0);
});

t.test(
  'an error for a request carries its nonce, so that a client with two requests knows which one was refused',
  async (t) => {
    const peer = new Stream().connect();
    peer.say(MessageType.sync, 1, 'nonsense', 'x');
    peer.say(MessageType.sync, 2, 'task', '../x');
    peer.say(MessageType.ping, -1);
    peer.say(MessageType.inspect, 3, 'nothing');
    t.match(peer.heard(), [
      [MessageType.error, null, 'bad-option', /kind must be one of/, 1],
      [MessageType.error, null, 'bad-option', /is a path/, 2],
      [MessageType.error, null, 'bad-message', /nonce/],
      [MessageType.error, null, 'bad-option', /topic/, 3],
    ]);
  },
);

t.test('a connection has the name that the client gives, as one line of text', async (t) => {
  const peer = new Stream().connect();
  t.equal(peer.session.name, undefined);
  peer.say(MessageType.name, 'agent-42');
  t.equal(peer.session.name, 'agent-42');
  for (const name of ['', 'a\nb', 'x'.repeat(129), 7, null, '\u001b[2J']) peer.say(MessageType.name, name);
  t.equal(peer.session.name, 'agent-42');
  t.same(
    peer.heard().map(([type, sub, code]) => [type, sub, code]),
    Array.from({ length: 6 }, () => [23, null, 'bad-option']),
  );
});
