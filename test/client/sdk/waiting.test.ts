import t from 'tap';
import { MessageType, type WireEvent } from '../../../protocol/index.js';
import { EPOCH, ScriptedServer } from '../../support/scripted-server.js';

const ADDRESS = 'src/a.py';
const HEALTH = { backend: 'inotify', healthy: true, last_scan_ms: 0 };
/** How far the server's clock is ahead of the client's. */
const AHEAD_MS = 7;

async function settle(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** A scripted server that sends a message only when the test wants it. */
class QuietServer extends ScriptedServer {
  #group = 0;

  override welcome(): void {
    super.welcome(EPOCH, 3_600_000);
  }

  beat(laterMs = 0): void {
    this.say([MessageType.heartbeat, 1, this.clock.now() + AHEAD_MS + laterMs, HEALTH]);
  }

  /** Answers each unanswered subscribe message of this connection with all current records. */
  serve(events: readonly WireEvent[] = []): void {
    for (const [, sub] of this.subscribes()) {
      const group = ++this.#group;
      this.say([MessageType.subscribed, sub as number, group, 'snapshot', `${EPOCH}:1`]);
      if (events.length > 0) this.say([MessageType.batch, sub as number, 1, events]);
      this.say([MessageType.synced, sub as number, 1, 0]);
    }
    this.sent = this.sent.filter(([type]) => type !== MessageType.subscribe);
  }

  /** The barriers that the client has sent on this connection. */
  get barriers(): number[] {
    return this.sent.filter(([type]) => type === MessageType.sync).map(([, nonce]) => nonce as number);
  }

  pass(): void {
    for (const nonce of this.barriers) this.say([MessageType.syncDone, nonce, `${EPOCH}:1`]);
    this.sent = this.sent.filter(([type]) => type !== MessageType.sync);
  }

  /** Breaks the connection and accepts another. */
  reconnect(): void {
    this.drop();
    this.clock.advance(1_000);
    this.welcome();
  }
}

const reservation = (server: ScriptedServer, endsInMs: number): WireEvent => [
  1,
  0,
  0,
  'r1',
  server.clock.now(),
  {
    run_id: 'agent-1',
    addresses: [ADDRESS],
    expires_at: new Date(server.clock.now() + AHEAD_MS + endsInMs).toISOString(),
  },
];

async function mirrored(server: QuietServer, events: readonly WireEvent[] = []) {
  const client = await server.welcomedClient();
  const opening = client.mirror();
  server.serve(events);
  return { client, mirror: await opening };
}

/** Whether a wait is over. */
function watched(wait: Promise<void>): { isOver: boolean } {
  const state = { isOver: false };
  void wait.then(() => (state.isOver = true));
  return state;
}

t.test('a wait goes on over every break of its connection while the disk is asked, and ends at once', async (t) => {
  const server = new QuietServer();
  const { client, mirror } = await mirrored(server);
  const wait = watched(mirror.whenFree(ADDRESS));
  await settle();
  t.equal(server.barriers.length, 1, 'the disk is asked');
  server.reconnect();
  t.equal(server.barriers.length, 1, 'and again');
  server.serve();
  server.pass();
  await settle();
  t.equal(server.subscribes().length, 1, 'then the leases');
  server.reconnect();
  t.equal(server.subscribes().length, 2, 'and again, beside the mirror');
  server.serve();
  await settle();
  t.notOk(wait.isOver, 'this server has not said what is on disk');
  t.equal(server.barriers.length, 1, 'it is asked');
  server.pass();
  await settle();
  server.serve();
  await settle();
  t.ok(wait.isOver);
  await client.close();
});

t.test(
  'a lease that was extended and released while the bus was away ends as soon as the release is received',
  async (t) => {
    const server = new QuietServer();
    const r1 = reservation(server, 60_000);
    const { client, mirror } = await mirrored(server, [r1]);
    const wait = watched(mirror.whenFree(ADDRESS));
    server.reconnect();
    const extended = new Date(server.clock.now() + 3_600_000).toISOString();
    const h1: WireEvent = [2, 0, 3, 'h1', server.clock.now(), { reservation_id: 'r1', extended_expires_at: extended }];
    const x1: WireEvent = [3, 0, 2, 'x1', server.clock.now(), { reservation_id: 'r1' }];
    server.serve([r1, h1, x1]);
    await settle();
    t.equal(server.barriers.length, 1, 'the disk is asked');
    server.pass();
    await settle();
    server.serve([r1, h1, x1]);
    await settle();
    t.ok(wait.isOver);
    await client.close();
  },
);

t.test('a heartbeat with a later server time wakes a wait for the end of a lease', async (t) => {
  const server = new QuietServer();
  const { client, mirror } = await mirrored(server, [reservation(server, 50_000)]);
  const wait = mirror.whenFree(ADDRESS);
  await settle();
  t.same(server.barriers, []);
  // The client's host was suspended, and its timers with it.
  server.beat(50_000);
  await settle();
  t.equal(server.barriers.length, 1, 'the disk is asked at once, and not when the timer has run out');
  await Promise.all([t.rejects(wait, { code: 'closed' }), client.close()]);
});

t.test('a ping that took long delays the end of a lease by no more than a second', async (t) => {
  const server = new QuietServer();
  const client = await server.welcomedClient();
  // The server was stopped during the ping and continued.
  server.clock.advance(30_000);
  server.say([MessageType.pong, 0, server.clock.now() + AHEAD_MS]);
  server.beat();
  t.match(client.status, { roundTripMs: 30_000 });
  const r1 = reservation(server, 5_000);
  const holding = async (): Promise<string> => {
    const asked = client.holding(ADDRESS);
    await settle();
    server.pass();
    await settle();
    server.serve([r1]);
    return (await asked).free;
  };
  server.clock.advance(4_999);
  t.equal(await holding(), 'no');
  server.clock.advance(1_002);
  t.equal(await holding(), 'yes');
  await client.close();
});
