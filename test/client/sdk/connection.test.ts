import t from 'tap';
import type { ChannelListener, Dial } from '../../../client/sdk/channel.js';
import { BusClient, BusError, type BusStatus } from '../../../client/sdk/index.js';
import { CloseCode, MessageType } from '../../../protocol/index.js';
import { RecordingLog } from '../../support/journal-log.js';
import { ManualClock } from '../../support/manual-clock.js';
import { EPOCH, ScriptedServer } from '../../support/scripted-server.js';

const HEALTH = { backend: 'inotify', healthy: true, last_scan_ms: 0 };

for (const [state, lose] of [
  ['stale', (server: ScriptedServer) => server.clock.advance(2_500)],
  ['connecting', (server: ScriptedServer) => server.drop()],
] as const) {
  t.test(`a watcher that closes the client when it is told ${state} has closed it for good`, async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    const told: BusStatus['state'][] = [];
    bus.watchStatus((status) => {
      if (status.state === state) void bus.close();
    });
    bus.watchStatus((status) => told.push(status.state));
    lose(server);
    t.equal(bus.status.state, 'closed');
    t.equal(told.at(-1), 'closed', 'and nobody is told anything else after it');
    server.clock.advance(60_000);
    t.equal(server.dials, 1, 'it dials no more');
    t.equal(server.clock.timerCount, 0);
    t.equal(bus.status.state, 'closed');
  });
}

t.test('a watcher that closes the client at the status live has closed it', async (t) => {
  const server = new ScriptedServer();
  const bus = server.client();
  bus.watchStatus(({ state }) => {
    if (state === 'live') void bus.close();
  });
  const open = bus.open();
  server.welcome();
  await t.rejects(open, { code: 'closed' });
  t.equal(server.clock.timerCount, 0);
});

t.test('a server that sends messages but no welcome is given up after 20 s', async (t) => {
  const server = new ScriptedServer();
  const bus = server.client({ waitOnFirstConnect: true });
  const told: BusStatus[] = [];
  bus.watchStatus((status) => told.push(status));
  void bus.open().catch(() => undefined);
  for (let second = 1; second < 20; second++) {
    server.clock.advance(1_000);
    server.say([MessageType.heartbeat, 1, server.clock.now(), HEALTH]);
  }
  t.equal(server.dials, 1, 'it is given its time');
  t.ok(server.isConnected);
  server.clock.advance(1_000);
  t.match(told, [{ state: 'stale', cause: 'no welcome within 20000 ms' }, { state: 'connecting' }]);
  server.clock.advance(60_000);
  t.ok(server.dials > 1, 'and no more');
  await bus.close();
});

/** A blocked process: its due timers are late, and it reads its sockets before the timers that are set next. */
function lateTimers(server: ScriptedServer): void {
  const after = server.clock.after.bind(server.clock);
  server.clock.after = (delayMs, call) => {
    if (delayMs > 0) return after(delayMs, call);
    const turn = setImmediate(call);
    return () => {
      clearImmediate(turn);
    };
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('a blocked process reads its socket before it gives its connection up', async (t) => {
  const server = new ScriptedServer();
  lateTimers(server);
  const bus = await server.welcomedClient();
  for (let n = 0; n < 10; n++) {
    // Longer than 2.5 heartbeat intervals; all heartbeats have arrived.
    server.clock.sleepThrough(3_000);
    server.say([MessageType.heartbeat, 1, server.clock.now(), HEALTH]);
    await turn();
    t.equal(bus.status.state, 'live');
  }
  t.equal(server.dials, 1);
  server.clock.sleepThrough(3_000);
  await turn();
  t.equal(bus.status.state, 'connecting', 'where nothing has come it is given up');
  server.clock.sleepThrough(3_000);
  await turn();
  t.equal(server.dials, 2);
  server.clock.sleepThrough(30_000);
  server.welcome();
  await turn();
  t.equal(bus.status.state, 'live', 'so it is with a welcome');
  await bus.close();
});

for (const [clock, sleep] of [
  ['stands still', (server: ScriptedServer) => server.clock.setWallClock(3_600_000)],
  ['goes on', (server: ScriptedServer) => server.clock.sleepThrough(3_600_000)],
] as const) {
  t.test(
    `after a sleep in which the monotonic clock ${clock}, a wait for the next attempt is over at once`,
    async (t) => {
      const server = new ScriptedServer();
      const bus = await server.welcomedClient();
      server.drop();
      t.match(bus.status, { state: 'connecting' });
      const { dials } = server;
      // Nobody listens, so that the waits become longer.
      for (let i = 0; i < 8; i++) {
        server.clock.advance(15_000);
        server.drop();
      }
      const tried = server.dials;
      t.ok(tried > dials);
      sleep(server);
      server.clock.advance(1_000);
      t.equal(server.dials, tried + 1);
      await bus.close();
    },
  );

  t.test(
    `after a sleep in which the monotonic clock ${clock}, a connection is proven or given up within 4 s`,
    async (t) => {
      const server = new ScriptedServer();
      const bus = await server.welcomedClient();
      server.sent = [];
      sleep(server);
      server.clock.advance(1_000);
      t.same(server.sent, [[MessageType.ping, 0]], 'the server is asked');
      server.say([MessageType.pong, 0, server.clock.now()]);
      server.clock.advance(2_000);
      t.equal(bus.status.state, 'live', 'an answer proves it');
      sleep(server);
      server.clock.advance(1_000);
      server.clock.advance(3_000);
      t.not(bus.status.state, 'live', 'without an answer it is given up');
      await bus.close();
    },
  );
}

t.test('before the welcome the client acts on no message but an error', async (t) => {
  const server = new ScriptedServer();
  const bus = server.client();
  const open = bus.open();
  const inspected = bus.inspect('overview');
  const passed = bus.sync();
  const before = bus.serverNow();
  server.say([MessageType.heartbeat, 1, before + 9_000, HEALTH]);
  server.say([MessageType.inspection, 1, {} as never]);
  server.say([MessageType.error, null, 'limit', 'too many', 2]);
  await t.rejects(passed, { code: 'limit' });
  t.equal(bus.serverNow(), before, 'what it says of the time');
  server.welcome();
  await open;
  t.same(server.sent.at(-1), [MessageType.inspect, 1, 'overview', {}], 'an answer: the question is asked');
  server.say([MessageType.inspection, 1, { revision: 3 } as never]);
  t.match(await inspected, { revision: 3 });
  await bus.close();
});

t.test('open of a closed client rejects and opens no connection', async (t) => {
  const server = new ScriptedServer();
  const never = server.client();
  await never.close();
  await t.rejects(never.open(), { code: 'closed' });
  t.equal(server.dials, 0);

  const bus = await server.welcomedClient();
  await bus.close();
  await t.rejects(bus.open(), { code: 'closed' });
  t.equal(server.dials, 1);
  t.equal(bus.status.state, 'closed');
});

t.test('open of a client that is being opened, or is open, dials once', async (t) => {
  const server = new ScriptedServer();
  const bus = server.client();
  const both = [bus.open(), bus.open()];
  server.welcome();
  await Promise.all([...both, bus.open()]);
  t.equal(server.dials, 1);
  await bus.close();
});

t.test('a message that is longer than the server takes fails alone, before and after a connection', async (t) => {
  const server = new ScriptedServer();
  const bus = server.client({ waitOnFirstConnect: true });
  void bus.open();
  const long = 'x'.repeat(200);
  const first = async (ids: string[]): Promise<unknown> => {
    for await (const event of bus.subscribe({ ids })) return event;
    return undefined;
  };
  const early = [bus.inspect('explain', { filter: {}, kind: 'task', id: long }), first([long])];
  server.welcome(EPOCH, 1_000, { max_payload_bytes: 150 });
  for (const asked of [...early, first([long])] as Promise<unknown>[])
    await t.rejects(asked, { code: 'limit', message: /more than 150 bytes/ });
  t.notOk(
    server.sent.some((message) => JSON.stringify(message).includes(long)),
    'it would end the connection',
  );
  t.equal(bus.status.state, 'live');
  void first(['x']);
  t.equal(server.subscribes().length, 1);
  await bus.close();
});

t.test('what an earlier channel still says, or that it ends, changes nothing', async (t) => {
  const listeners: ChannelListener[] = [];
  const clock = new ManualClock();
  const dial: Dial = (listener) => {
    listeners.push(listener);
    return { send: () => undefined, bytesOf: () => 0, close: () => undefined };
  };
  const bus = new BusClient(dial, { clock, random: () => 0.5 });
  const welcome = {
    protocol: 1,
    server: '9',
    epoch: EPOCH,
    revision: 0,
    now: 0,
    backend: 'x',
    heartbeat_ms: 1_000,
    limits: {},
  };
  const open = bus.open();
  listeners[0]!.message([MessageType.welcome, welcome]);
  await open;
  clock.advance(2_500);
  clock.advance(1_000);
  listeners[1]!.message([MessageType.welcome, welcome]);
  t.equal(bus.status.state, 'live');
  listeners[0]!.closed(1006, '');
  listeners[0]!.message('no message');
  t.equal(bus.status.state, 'live');
  listeners[1]!.closed(1006, '');
  t.equal(bus.status.state, 'connecting');
  await bus.close();
});

t.test('a client tells its name to a server that knows names', async (t) => {
  for (const [name, features, told] of [
    ['agent-1', ['names'], [[MessageType.name, 'agent-1']]],
    ['agent-1', ['others'], []],
    ['agent-1', undefined, []],
    [undefined, ['names'], []],
  ] as const) {
    const server = new ScriptedServer();
    const bus = server.client(name === undefined ? {} : { name });
    const open = bus.open();
    server.welcome(EPOCH, 1_000, {}, features && { features });
    await open;
    t.same(
      server.sent.filter(([type]) => type === MessageType.name),
      told,
    );
    await bus.close();
  }
});

t.test('what happens to a connection is logged, each change once', async (t) => {
  const log = new RecordingLog();
  const server = new ScriptedServer();
  const bus = await server.welcomedClient({ logger: log });
  server.say([MessageType.heartbeat, 1, server.clock.now(), HEALTH]);
  server.clock.advance(2_500);
  server.clock.advance(1_000);
  server.welcome();
  server.drop(4_000, 'a reason');
  await bus.close();
  const refused = await server.welcomedClient({ logger: log });
  server.drop(CloseCode.unauthorized);
  t.equal(refused.status.state, 'closed');
  t.match(log.lines, [
    { level: 'info', message: 'connected', fields: { epoch: EPOCH } },
    { level: 'warn', message: 'the connection is given up', fields: { cause: 'no message for 2500 ms' } },
    {
      level: 'warn',
      message: 'not connected',
      fields: { attempt: 1, delayMs: Number, cause: 'no message for 2500 ms' },
    },
    { level: 'info', message: 'connected' },
    { level: 'warn', message: 'not connected', fields: { attempt: 1, delayMs: Number, cause: 'a reason' } },
    { level: 'info', message: 'closed', fields: {} },
    { level: 'info', message: 'connected' },
    { level: 'error', message: 'closed', fields: { err: { code: 'unauthorized' } } },
  ]);
  t.equal(log.lines.length, 8);
});

t.test('the round trip is that of the last ping, and a pong that answers none says nothing', async (t) => {
  const server = new ScriptedServer();
  server.clock.advance(5_000);
  const bus = await server.welcomedClient();
  server.clock.advance(12);
  server.say([MessageType.pong, 0, server.clock.now()]);
  t.match(bus.status, { roundTripMs: 12 });
  server.clock.advance(30);
  server.say([MessageType.pong, 0, server.clock.now()]);
  t.match(bus.status, { roundTripMs: 12 });
  await bus.close();
});

t.test('a second welcome on a connection is ignored', async (t) => {
  const server = new ScriptedServer();
  const bus = await server.welcomedClient();
  const subscription = bus.subscribe();
  server.welcome('EPOCH2');
  server.snapshot([], 3);
  const { value } = await subscription.updates().next();
  t.match(value, { type: 'synced', cursor: `${EPOCH}:3` });
  await bus.close();
});

t.test(
  'a message that is none of a bus closes the client, for the next one of this server would be no better',
  async (t) => {
    const server = new ScriptedServer();
    const bus = await server.welcomedClient();
    server.say({ hello: 'world' } as never);
    t.match(bus.status, { state: 'closed', error: { code: 'protocol' } });
    t.notOk(server.isConnected);
    const barrier = new ScriptedServer();
    const asking = await barrier.welcomedClient();
    const asked = asking.sync();
    barrier.say([MessageType.syncDone, 1, 'no cursor']);
    await t.rejects(asked, { code: 'protocol', message: /no cursor/ });
    t.equal(asking.status.state, 'live', 'a bad answer fails only its question');
    barrier.say([MessageType.syncDone, 7, `${EPOCH}:1`]);
    barrier.say([MessageType.error, null, 'limit', 'too many', 7]);
    t.equal(asking.status.state, 'live', 'and an answer to no question is ignored');
    await asking.close();
  },
);

t.test('an address that no connection can be begun with closes the client, and says why', async (t) => {
  const failing = (error: unknown) => {
    const dial: Dial = () => {
      throw error;
    };
    return new BusClient(dial, { clock: new ManualClock(), waitOnFirstConnect: true });
  };
  await t.rejects(failing(new Error('Invalid URL')).open(), { code: 'bad-option', message: /: Invalid URL/ });
  await t.rejects(failing('a text').open(), { code: 'bad-option', message: /: a text/ });
  await t.rejects(failing(new BusError('protocol', 'mine', '')).open(), { code: 'protocol', message: 'mine' });
});
