import t from 'tap';
import { BusError, type BusEvent, type Subscription, type Update } from '../../../client/sdk/index.js';
import { CloseCode, MessageType } from '../../../protocol/index.js';
import { EPOCH, event, ScriptedServer } from '../../support/scripted-server.js';
import { until } from '../../support/until.js';

/** Reads a subscription in the background. */
function read(subscription: Subscription): Update[] {
  const updates: Update[] = [];
  void (async () => {
    for await (const update of subscription.updates()) updates.push(update);
  })().catch(() => undefined);
  return updates;
}

const shown = (updates: readonly Update[]): string[] =>
  updates.map((update) => {
    switch (update.type) {
      case 'event':
        return `${update.event.event_type} ${update.event.id}`;
      case 'synced':
        return `synced ${update.cursor}`;
      case 'resync':
        return `resync ${update.reason}`;
    }
  });

t.test('a subscription shows the snapshot, the mark, then changes, in the JSON view', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const updates = read(bus.subscribe({ kinds: ['reservations'] }));
  t.same(server.lastRequest(), { filter: { kinds: ['reservations'] }, snapshot: 'full' });
  server.snapshot([event(3, 0, 'a'), event(5, 0, 'b')], 7);
  server.say([MessageType.events, 1, 0, [event(8, 1, 'c', { run_id: 'r1' })]]);
  await until('all is read', () => updates.length === 4);
  t.same(shown(updates), ['snapshot a', 'snapshot b', `synced ${EPOCH}:7`, 'added c']);
  t.same((updates[3] as { event: BusEvent }).event, {
    schema_version: '9.9.9',
    event_type: 'added',
    kind: 'reservation',
    id: 'c',
    timestamp: '2023-11-14T22:13:20.000Z',
    data: { run_id: 'r1' },
    revision: 8,
    cursor: `${EPOCH}:8`,
  });
});

t.test('a snapshot has no position inside itself: only its last event can be resumed after', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const updates = read(bus.subscribe());
  server.snapshot([event(3, 0, 'a'), event(5, 0, 'b')], 7);
  await until('all is read', () => updates.length === 3);
  const cursors = updates.slice(0, 2).map((update) => (update as { event: BusEvent }).event.cursor);
  t.same(cursors, [`${EPOCH}:0`, `${EPOCH}:7`]);
});

t.test('after a broken connection it resumes after the last received event, with the rest of its cap', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe({}, { maxEvents: 5 });
  const updates = read(subscription);
  server.snapshot([event(1, 0, 'a')], 2);
  server.say([MessageType.events, 1, 0, [event(3, 1, 'b')]]);
  server.drop();
  t.match(bus.status, { state: 'connecting', attempt: 1 });
  server.clock.advance(60_000);
  server.welcome();
  t.same(server.lastRequest(), { filter: {}, snapshot: 'full', max_events: 3, since: `${EPOCH}:3` });
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 4, 'replay', `${EPOCH}:3`]);
  server.say([MessageType.batch, sub, 1, [event(4, 1, 'c'), event(5, 1, 'd')]]);
  server.say([MessageType.synced, sub, 5, 0]);
  server.say([MessageType.events, 4, 0, [event(6, 3, 'a')]]);
  server.say([MessageType.complete, sub, 'max_events', 3]);
  t.same(await subscription.done, { reason: 'max_events', delivered: 5 });
  await until('all is read', () => updates.length === 7);
  t.same(
    shown(updates).filter((line) => !line.startsWith('synced')),
    ['snapshot a', 'added b', 'added c', 'added d', 'removed a'],
  );
});

t.test('the cursor is of what was consumed, not of what was received', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  server.snapshot([], 2);
  server.say([MessageType.events, 1, 0, [event(3, 1, 'a'), event(4, 1, 'b')]]);
  const events = subscription[Symbol.asyncIterator]();
  await events.next();
  t.equal(subscription.cursor, `${EPOCH}:2`, 'the first event is being worked on');
  await events.next();
  t.equal(subscription.cursor, `${EPOCH}:3`, 'asking for the next one says that it is done');
});

t.test('a heartbeat keeps the cursor fresh where nothing matches', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const updates = read(subscription);
  server.snapshot([], 2);
  await until('synced', () => updates.length === 1);
  await until('the mark is consumed', () => subscription.cursor === `${EPOCH}:2`);
  const health = { backend: 'inotify', healthy: true, last_scan_ms: 0 };
  server.say([MessageType.heartbeat, 90, server.clock.now(), health]);
  t.equal(subscription.cursor, `${EPOCH}:90`);
  server.drop();
  server.clock.advance(60_000);
  server.welcome();
  t.equal(server.lastRequest()['since'], `${EPOCH}:90`);
});

t.test(
  'after a break within a snapshot the whole snapshot comes again, and unread events are shown once',
  async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe({}, { maxEvents: 10 });
    const sub = server.lastSubscription();
    server.say([MessageType.subscribed, sub, 1, 'snapshot', `${EPOCH}:7`]);
    server.say([MessageType.batch, sub, 1, [event(1, 0, 'a'), event(2, 0, 'b')]]);
    server.drop();
    server.clock.advance(60_000);
    server.welcome();
    t.same(server.lastRequest(), { filter: {}, snapshot: 'full', max_events: 10 });
    server.snapshot([event(1, 0, 'a'), event(2, 0, 'b')], 7);
    const updates = read(subscription);
    await until('all is read', () => updates.length === 4);
    t.same(shown(updates), ['resync interrupted', 'snapshot a', 'snapshot b', `synced ${EPOCH}:7`]);
  },
);

t.test('removals after a resync have the time of the server’s clock, like all events', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const events = bus.subscribe()[Symbol.asyncIterator]();
  const sub = server.snapshot([event(1, 0, 'a')], 2);
  t.equal((await events.next()).value?.id, 'a');
  server.say([MessageType.resync, sub, 'lagged']);
  server.say([MessageType.synced, sub, 9, 4]);
  server.clock.advance(1_000);
  const { value: removed } = await events.next();
  t.match(removed, { id: 'a', event_type: 'removed', observed: 'resync' });
  // The server's clock is 7 ms ahead of the client's.
  t.equal(removed?.timestamp, new Date(server.clock.now() + 7).toISOString());
  await events.return();
});

t.test('a resync is shown, and the count for the cap continues', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const updates = read(bus.subscribe({}, { maxEvents: 9 }));
  const sub = server.snapshot([event(1, 0, 'a')], 2);
  server.say([MessageType.resync, sub, 'lagged']);
  server.say([MessageType.batch, sub, 1, [event(8, 0, 'a')]]);
  server.say([MessageType.synced, sub, 9, 4]);
  server.say([MessageType.events, 1, 4, [event(10, 3, 'a')]]);
  await until('all is read', () => updates.length === 6);
  t.same(shown(updates).slice(2), ['resync lagged', 'snapshot a', `synced ${EPOCH}:9`, 'removed a']);
  server.drop();
  server.clock.advance(60_000);
  server.welcome();
  t.equal(server.lastRequest()['max_events'], 6);
});

t.test('an index that jumps is loss: the client breaks the connection and resumes', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  bus.subscribe();
  server.snapshot([], 2);
  server.say([MessageType.events, 1, 0, [event(3, 1, 'a')]]);
  server.say([MessageType.events, 1, 2, [event(5, 1, 'c')]]);
  t.notOk(server.isConnected);
  t.match(bus.status, { state: 'connecting', cause: 'events 1 to 1 are missing' });
  server.clock.advance(60_000);
  server.welcome();
  t.equal(server.lastRequest()['since'], `${EPOCH}:3`);
});

t.test('silence for two and a half heartbeats means that the connection is dead', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const states: string[] = [];
  bus.watchStatus(({ state }) => states.push(state));
  server.clock.advance(2_499);
  t.ok(server.isConnected);
  server.clock.advance(1);
  t.notOk(server.isConnected);
  t.same(states, ['stale', 'connecting']);
});

t.test('attempts wait longer and longer, with full jitter, and start again after a success', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const waits: number[] = [];
  bus.watchStatus((status) => status.state === 'connecting' && waits.push(status.delayMs));
  server.drop();
  for (let i = 0; i < 8; i++) {
    server.clock.advance(waits.at(-1)!);
    server.drop();
  }
  t.same(waits, [125, 250, 500, 1_000, 2_000, 4_000, 7_500, 7_500, 7_500]);
  server.clock.advance(7_500);
  server.welcome();
  server.drop();
  t.equal(waits.at(-1), 125);
});

t.test('the client reconnects, waits or closes as the close code says', async (t) => {
  const cases: { code: number; reason: string; then: string; waits?: number }[] = [
    { code: CloseCode.goingAway, reason: 'shutdown retry=500', then: 'connecting', waits: 625 },
    { code: CloseCode.tooSlow, reason: '', then: 'connecting', waits: 125 },
    { code: CloseCode.tooMany, reason: '', then: 'connecting', waits: 5_125 },
    { code: CloseCode.unauthorized, reason: '', then: 'unauthorized' },
  ];
  for (const { code, reason, then, waits } of cases) {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe();
    server.drop(code, reason);
    if (then === 'connecting') {
      t.match(bus.status, { state: 'connecting', delayMs: waits }, String(code));
    } else {
      t.match(bus.status, { state: 'closed', error: { code: then, retryable: false } }, String(code));
      await t.rejects(subscription.done, { code: then });
    }
    await bus.close();
  }
});

t.test('whenFull', async (t) => {
  const flood = (server: ScriptedServer) =>
    server.say([MessageType.events, 1, 0, [3, 4, 5].map((revision) => event(revision, 2, revision === 4 ? 'b' : 'a'))]);

  t.test('wait: the rest stays on the server until the buffer has drained', async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe({}, { bufferSize: 2 });
    const sub = server.snapshot([], 2);
    flood(server);
    t.same(server.sent.at(-1), [MessageType.unsubscribe, sub]);
    server.say([MessageType.events, 1, 3, [event(6, 2, 'late')]]);
    const updates = read(subscription);
    await until('it asks for the rest', () => server.subscribes().length === 2);
    t.equal(server.lastRequest()['since'], `${EPOCH}:5`);
    t.same(shown(updates).slice(1), ['modified a', 'modified b', 'modified a']);
  });

  t.test('latest: of each record the last event is kept', async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe({}, { bufferSize: 2, whenFull: 'latest' });
    server.snapshot([], 2);
    flood(server);
    const updates = read(subscription);
    await until('all is read', () => updates.length === 3);
    t.same(
      updates.slice(1).map((update) => (update as { event: BusEvent }).event.revision),
      [4, 5],
    );
  });

  t.test('fail: the subscription ends with an error that says what to do', async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe({}, { bufferSize: 2, whenFull: 'fail' });
    server.snapshot([], 2);
    flood(server);
    await t.rejects(subscription.done, { code: 'overflow', hint: /whenFull/ });
  });

  t.test(
    'what is replayed is bounded as what is live, and what is left of it is fetched when there is room',
    async (t) => {
      const server = new ScriptedServer();
      const bus = await server.welcomedClient();
      const subscription = bus.subscribe({}, { bufferSize: 2, since: `${EPOCH}:1` });
      const sub = server.lastSubscription();
      server.say([MessageType.subscribed, sub, 1, 'replay', `${EPOCH}:1`]);
      server.say([MessageType.batch, sub, 1, [event(2, 1, 'a'), event(3, 1, 'b'), event(4, 1, 'c')]]);
      t.same(server.sent.at(-1), [MessageType.unsubscribe, sub]);
      server.say([MessageType.batch, sub, 4, [event(5, 1, 'd')]]);
      const updates = read(subscription);
      await until('it has subscribed again', () => server.lastSubscription() !== sub);
      t.same(server.lastRequest()['since'], `${EPOCH}:4`);
      const next = server.lastSubscription();
      server.say([MessageType.subscribed, next, 2, 'replay', `${EPOCH}:4`]);
      server.say([MessageType.batch, next, 1, [event(5, 1, 'd')]]);
      server.say([MessageType.synced, next, 5, 0]);
      await until('all is read', () => updates.length === 5);
      t.same(shown(updates), ['added a', 'added b', 'added c', 'added d', `synced ${EPOCH}:5`]);
    },
  );

  t.test('a snapshot is held whole, however small the buffer', async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe({}, { bufferSize: 1, whenFull: 'fail' });
    server.snapshot([event(1, 0, 'a'), event(2, 0, 'b'), event(3, 0, 'c')], 3);
    const updates = read(subscription);
    await until('all is read', () => updates.length === 4);
    t.equal(server.subscribes().length, 1);
  });
});

t.test('ways to end', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();

  t.test('a signal', async (t) => {
    const abort = new AbortController();
    const subscription = bus.subscribe({}, { signal: abort.signal });
    const sub = server.lastSubscription();
    abort.abort();
    t.same(await subscription.done, { reason: 'closed', delivered: 0 });
    t.same(server.sent.at(-1), [MessageType.unsubscribe, sub]);
  });

  t.test('leaving the loop', async (t) => {
    const subscription = bus.subscribe();
    server.snapshot([event(1, 0, 'a'), event(2, 0, 'b')], 2);
    for await (const { id } of subscription) {
      t.equal(id, 'a');
      break;
    }
    t.match(await subscription.done, { reason: 'closed' });
  });

  t.test('a refusal by the server', async (t) => {
    const subscription = bus.subscribe();
    server.say([MessageType.error, server.lastSubscription(), 'limit', 'at most 3 subscriptions']);
    await t.rejects(subscription.done, { code: 'limit', message: 'at most 3 subscriptions', retryable: true });
  });

  t.test('closing the client', async (t) => {
    const subscription = bus.subscribe();
    await bus.close();
    t.match(await subscription.done, { reason: 'closed' });
    t.same(bus.status, { state: 'closed' });
    t.match(await bus.subscribe().done, { reason: 'closed' });
    await t.rejects(bus.sync(), { code: 'closed' });
  });
});

t.test('a server that goes away completes everything; the client takes it up again with the next one', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  bus.subscribe();
  const sub = server.snapshot([], 2);
  server.say([MessageType.complete, sub, 'shutdown', 0]);
  server.drop(CloseCode.goingAway, 'shutdown retry=500');
  server.clock.advance(60_000);
  server.welcome();
  t.equal(server.lastRequest()['since'], `${EPOCH}:2`);
});

t.test('a barrier is asked again after a break', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const barrier = bus.sync({ kind: 'intent', id: 'i1' });
  t.same(server.sent.at(-1), [MessageType.sync, 1, 'intent', 'i1']);
  server.drop();
  server.clock.advance(60_000);
  server.welcome();
  t.same(server.sent.at(-1), [MessageType.sync, 1, 'intent', 'i1']);
  server.say([MessageType.syncDone, 1, `${EPOCH}:12`]);
  t.equal(await barrier, `${EPOCH}:12`);
});

t.test('a wrong argument throws at the call itself', async (t) => {
  const bus = await new ScriptedServer().welcomedClient();
  t.throws(() => bus.subscribe({ kinds: ['reservatoin'] }), {
    code: 'bad-option',
    message: /did you mean "reservation"/,
  });
  t.throws(() => bus.subscribe({ runs: ['x'] } as never), { code: 'bad-option', message: /no field "runs"/ });
  t.throws(() => bus.subscribe({}, { maxEvents: 0 }), { code: 'bad-option' });
  t.throws(() => bus.subscribe({}, { since: 'yesterday' }), { code: 'bad-option', message: /cursor/ });
  const subscription = bus.subscribe();
  read(subscription);
  await t.rejects(subscription.updates().next(), { message: 'a subscription has one reader' });
});

t.test('a first connection that fails rejects and is not repeated', async (t) => {
  const server = new ScriptedServer();
  const client = server.client();
  const open = client.open();
  server.drop();
  await t.rejects(
    open,
    new BusError(
      'unreachable',
      'the connection ended with 1006',
      'is the server running? start it with muse-bus serve',
    ),
  );
  t.equal(server.dials, 1);
});

const HEALTH = { backend: 'inotify', healthy: true, last_scan_ms: 0 };

t.test('a subscription whose signal has aborted asks for nothing', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe({}, { signal: AbortSignal.abort() });
  t.same(await subscription.done, { reason: 'closed', delivered: 0 });
  t.same(server.subscribes(), []);
});

t.test(
  'each subscription has a number of its own, and what a server says of another number changes nothing',
  async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const [first, second] = [bus.subscribe(), bus.subscribe()];
    t.same(
      server.subscribes().map(([, sub]) => sub),
      [1, 2],
    );
    server.say([MessageType.batch, 7, 1, [event(1, 0, 'a')]]);
    server.say([MessageType.events, 7, 0, [event(1, 0, 'a')]]);
    server.say([MessageType.error, 7, 'limit', 'too many']);
    await second.close();
    t.same(server.sent.at(-1), [MessageType.unsubscribe, 2], 'one of them ends');
    t.equal(server.sent.filter(([type]) => type === MessageType.unsubscribe).length, 1);
    t.equal(bus.status.state, 'live');
    server.snapshot([], 2);
    await first.close();
  },
);

t.test('a subscription that is complete is not continued on the next connection', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const capped = bus.subscribe({}, { maxEvents: 1 });
  const sub = server.snapshot([event(1, 0, 'a')], 2);
  server.say([MessageType.complete, sub, 'max_events', 1]);
  t.same(await capped.done, { reason: 'max_events', delivered: 1 });
  server.say([MessageType.events, 1, 5, [event(3, 0, 'b')]]);
  t.equal(bus.status.state, 'live', 'what follows in its group does not concern it');
  server.drop();
  server.clock.advance(60_000);
  server.welcome();
  t.same(server.subscribes(), []);
});

t.test('a cap within a snapshot: its last event is shown, and nothing can be resumed after it', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe({}, { maxEvents: 2 });
  const updates = read(subscription);
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 1, 'snapshot', `${EPOCH}:7`]);
  server.say([MessageType.batch, sub, 1, [event(3, 0, 'a'), event(5, 0, 'b')]]);
  server.say([MessageType.complete, sub, 'max_events', 2]);
  t.same(await subscription.done, { reason: 'max_events', delivered: 2 });
  await until('all is read', () => updates.length === 2);
  t.same(shown(updates), ['snapshot a', 'snapshot b']);
  t.equal((updates[1] as { event: BusEvent }).event.cursor, `${EPOCH}:0`);
  t.equal(subscription.cursor, undefined);
});

t.test('an event of a type that only a newer server knows is not shown, and counts for the cap', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe({}, { maxEvents: 9 });
  const updates = read(subscription);
  server.snapshot([], 2);
  server.say([MessageType.events, 1, 0, [event(3, 99 as never, 'a'), event(4, 1, 'b')]]);
  await until('all is read', () => updates.length === 2);
  t.same(shown(updates), [`synced ${EPOCH}:2`, 'added b']);
  server.drop();
  server.clock.advance(60_000);
  server.welcome();
  t.equal(server.lastRequest()['max_events'], 7);
});

t.test('a mode that only a newer server knows is read as a resync', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const updates = read(bus.subscribe({}, { since: `${EPOCH}:1` }));
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 1, 'another', `${EPOCH}:7`] as never);
  server.say([MessageType.batch, sub, 1, [event(5, 0, 'b')]]);
  server.say([MessageType.synced, sub, 7, 0]);
  await until('all is read', () => updates.length === 3);
  t.same(shown(updates), ['resync epoch', 'snapshot b', `synced ${EPOCH}:7`]);
});

t.test('a heartbeat during a snapshot or a replay says nothing about where to resume', async (t) => {
  for (const mode of ['snapshot', 'replay'] as const) {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    bus.subscribe({}, mode === 'replay' ? { since: `${EPOCH}:1` } : {});
    const sub = server.lastSubscription();
    server.say([MessageType.subscribed, sub, 1, mode, `${EPOCH}:1`]);
    server.say([MessageType.batch, sub, 1, [event(2, mode === 'replay' ? 1 : 0, 'a')]]);
    server.say([MessageType.heartbeat, 90, server.clock.now(), HEALTH]);
    server.drop();
    server.clock.advance(60_000);
    server.welcome();
    t.equal(server.lastRequest()['since'], mode === 'replay' ? `${EPOCH}:2` : undefined, mode);
  }
});

t.test('a late heartbeat sets neither the cursor nor the proven time back', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const updates = read(subscription);
  const welcomedAt = server.clock.now() + 7;
  server.snapshot([], 2);
  await until('it is read', () => updates.length === 1);
  await until('it is proven', () => subscription.provenUntil === welcomedAt);
  server.say([MessageType.heartbeat, 90, welcomedAt + 500, HEALTH]);
  t.equal(subscription.provenUntil, welcomedAt + 500);
  server.say([MessageType.heartbeat, 80, welcomedAt + 400, HEALTH]);
  t.equal(subscription.provenUntil, welcomedAt + 500);
  t.equal(subscription.cursor, `${EPOCH}:90`);
});

t.test('an event proves the time up to it once it and all before it are consumed', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const reader = subscription.updates();
  server.snapshot([], 2);
  const later = server.clock.now() + 5_000;
  const [, type, kind, id, , data] = event(3, 1, 'a');
  server.say([MessageType.events, 1, 0, [[3, type, kind, id, later, data]]]);
  await reader.next();
  await reader.next();
  t.ok(subscription.provenUntil < later, 'it is being worked on');
  void reader.next();
  t.equal(subscription.provenUntil, later);
});

t.test('whether a subscription is served is known for each connection by itself', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  t.equal(subscription.isServed, false);
  server.snapshot([], 2);
  t.equal(subscription.isServed, true);
  const { generation } = subscription;
  server.drop();
  t.equal(subscription.isServed, false);
  t.ok(subscription.generation > generation);
  server.clock.advance(60_000);
  server.welcome();
  t.equal(subscription.isServed, false);
  server.snapshot([], 2);
  t.equal(subscription.isServed, true);
});

t.test('the updates of one frame come in one list, and are consumed together', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const lists = subscription.batches();
  const next = async (): Promise<string[]> => shown((await lists.next()).value ?? []);
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 1, 'snapshot', `${EPOCH}:7`]);
  server.say([MessageType.batch, sub, 1, [event(3, 0, 'a'), event(5, 0, 'b')]]);
  server.say([MessageType.synced, sub, 7, 0]);
  server.say([MessageType.events, 1, 0, [event(8, 1, 'c'), event(9, 1, 'd')]]);
  t.same(await next(), ['snapshot a']);
  t.same(await next(), ['snapshot b', `synced ${EPOCH}:7`]);
  t.equal(subscription.cursor, undefined, 'the end of the snapshot is not consumed yet');
  t.same(await next(), ['added c', 'added d']);
  t.equal(subscription.cursor, `${EPOCH}:7`);
  const end = lists.next();
  t.equal(subscription.cursor, `${EPOCH}:9`);
  await subscription.close();
  t.match(await end, { done: true });
});

t.test('a second reader that leaves before it has read does not end the subscription of the first', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const updates = read(subscription);
  await subscription.updates().return();
  server.snapshot([event(1, 0, 'a')], 2);
  await until('all is read', () => updates.length === 2);
  const unread = bus.subscribe();
  await unread.updates().return();
  t.match(await unread.done, { reason: 'closed' }, 'where there is no other, it does');
});

t.test('a count of events to take is a whole number, 1 or more', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  for (const count of [0, -1, 1.5, Number.NaN]) t.throws(() => subscription.take(count), { code: 'bad-option' });
  server.snapshot([event(1, 0, 'a'), event(2, 0, 'b')], 2);
  const ids: string[] = [];
  for await (const { id } of subscription.take(1)) ids.push(id);
  t.same(ids, ['a']);
  t.match(await subscription.done, { reason: 'closed' });
});

t.test('the first event that is wanted is returned, and the subscription ends', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const [some, wanted] = [bus.subscribe(), bus.subscribe()];
  const found = [some.first(), wanted.first(({ id }) => id === 'b')];
  for (const sub of [1, 2]) {
    server.say([MessageType.subscribed, sub, sub, 'snapshot', `${EPOCH}:2`]);
    server.say([MessageType.batch, sub, 1, [event(1, 0, 'a'), event(2, 0, 'b')]]);
    server.say([MessageType.synced, sub, 2, 0]);
  }
  t.match(await Promise.all(found), [{ id: 'a' }, { id: 'b' }]);
  t.match(await Promise.all([some.done, wanted.done]), [{ reason: 'closed' }, { reason: 'closed' }]);
  const disposed = bus.subscribe();
  await disposed[Symbol.asyncDispose]();
  t.match(await disposed.done, { reason: 'closed' });
});

t.test('a subscription that ends twice has ended as at first', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const sub = server.lastSubscription();
  server.say([MessageType.error, sub, 'limit', 'at most 3 subscriptions']);
  await t.rejects(subscription.done, { code: 'limit' });
  await subscription.close();
  t.not(server.sent.at(-1)![0], MessageType.unsubscribe, 'there is nothing to end on the server');
  await bus.close();
  await t.rejects(subscription.done, { code: 'limit' });
});

t.test(
  'a subscription that has all events of its cap is complete, though the connection breaks before the server says so',
  async (t) => {
    for (const inSnapshot of [true, false]) {
      const server = new ScriptedServer();
      const bus = await server.welcomedClient();
      const subscription = bus.subscribe({}, { maxEvents: 2 });
      const updates = read(subscription);
      const sub = server.lastSubscription();
      server.say([MessageType.subscribed, sub, 1, 'snapshot', `${EPOCH}:2`]);
      server.say([MessageType.batch, sub, 1, inSnapshot ? [event(1, 0, 'a'), event(2, 0, 'b')] : [event(1, 0, 'a')]]);
      if (!inSnapshot) {
        server.say([MessageType.synced, sub, 2, 0]);
        server.say([MessageType.events, 1, 0, [event(3, 1, 'b')]]);
      }
      server.drop();
      t.same(await subscription.done, { reason: 'max_events', delivered: 2 });
      server.clock.advance(60_000);
      server.welcome();
      t.same(server.subscribes(), [], 'no server accepts a subscription for 0 more');
      await until('all is read', () => updates.length >= 2);
      t.same(
        shown(updates).filter((line) => !line.startsWith('synced')),
        inSnapshot ? ['snapshot a', 'snapshot b'] : ['snapshot a', 'added b'],
      );
    }
  },
);

t.test('a full buffer leaves nothing on the server when it holds the last event of the cap', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe({}, { bufferSize: 1, maxEvents: 3, since: `${EPOCH}:1` });
  const sub = server.lastSubscription();
  server.say([MessageType.subscribed, sub, 1, 'replay', `${EPOCH}:1`]);
  server.say([MessageType.batch, sub, 1, [event(2, 1, 'a'), event(3, 1, 'b'), event(4, 1, 'c')]]);
  server.say([MessageType.complete, sub, 'max_events', 3]);
  t.same(await subscription.done, { reason: 'max_events', delivered: 3 });
  const updates = read(subscription);
  await until('all is read', () => updates.length === 3);
  t.equal(server.subscribes().length, 1);
});

t.test('an event that is on its way to the reader is not consumed, whatever heartbeat comes with it', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  const updates = subscription.updates();
  server.snapshot([], 2);
  await updates.next();
  const next = updates.next();
  server.say([MessageType.events, 1, 0, [event(3, 1, 'a')]]);
  server.say([MessageType.heartbeat, 90, server.clock.now(), HEALTH]);
  t.equal(subscription.cursor, `${EPOCH}:2`);
  t.match(await next, { value: { event: { id: 'a' } } });
  t.equal(subscription.cursor, `${EPOCH}:2`, 'the reader works on it');
  void updates.next();
  t.equal(subscription.cursor, `${EPOCH}:90`);
});

t.test(
  'after a resync, a reader that resumed after a cursor fails: it cannot tell which of the records from before are gone',
  async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const subscription = bus.subscribe({}, { since: `${EPOCH}:1` });
    const events = subscription[Symbol.asyncIterator]();
    const sub = server.lastSubscription();
    server.say([MessageType.subscribed, sub, 1, 'resync', `${EPOCH}:7`, 'restart']);
    server.say([MessageType.batch, sub, 1, [event(5, 0, 'b')]]);
    server.say([MessageType.synced, sub, 7, 0]);
    await t.rejects(events.next(), { code: 'resync', message: /restart/, hint: /updates\(\).*without since/ });
    t.equal((await subscription.done).reason, 'closed');
  },
);
