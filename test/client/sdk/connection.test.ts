import t from 'tap';
import type { BusStatus } from '../../../client/sdk/index.js';
import { MessageType } from '../../../protocol/index.js';
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
      sleep(server);
      server.clock.advance(1_000);
      t.same(server.sent.at(-1), [MessageType.ping, 0], 'the server is asked');
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
