import t, { type Test } from 'tap';
import { type Encoding, MessageType } from '../../../protocol/index.js';
import type { Endpoint } from '../../../server/index.js';
import { Random } from '../../fuzz/random.js';
import { RawClient } from '../../support/raw-client.js';
import { SlowReader } from '../../support/slow-reader.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';

const TRANSPORTS = ['uws', 'ws'] as const;
type TransportName = (typeof TRANSPORTS)[number];

const uwsLoads = await import('uWebSockets.js').then(
  () => true,
  () => false,
);

/** A bus whose readers stop and continue, with the events that they must have received at the end. */
class StopAndGo {
  readonly readers: RawClient[] = [];
  endpoint!: Endpoint;
  readonly repository: ServedRepository;

  private constructor(transport: TransportName, maxQueuedBytes: number) {
    const limits = { maxQueuedBytes };
    this.repository = new ServedRepository({ transport, journal: false, heartbeatMs: 200, limits });
  }

  static async start(
    t: Test,
    transport: TransportName,
    maxQueuedBytes: number,
    encodings: readonly Encoding[],
  ): Promise<StopAndGo> {
    const bus = new StopAndGo(transport, maxQueuedBytes);
    t.teardown(() => bus.repository.stop());
    bus.endpoint = await bus.repository.start();
    for (const encoding of encodings) {
      const reader = await RawClient.connect(bus.endpoint, { encoding });
      reader.send([MessageType.subscribe, 1]);
      await reader.received(MessageType.synced);
      bus.readers.push(reader);
    }
    return bus;
  }

  /** Publishes one event of about this many bytes. */
  async write(bytes: number): Promise<void> {
    this.repository.rename('task', 't', { text: 'x'.repeat(bytes) });
    await this.repository.server.bus.watch.readNow({ kind: 'task', id: 't' });
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Publishes large events until the kernel accepts no more for a reader that has stopped. */
  async fill(reader = 0): Promise<void> {
    while (this.queuedBytes(reader) === 0) await this.write(200_000);
  }

  /** The bytes that wait for a reader, by the order in which the readers connected. */
  queuedBytes(reader = 0): number {
    const [session] = [...this.repository.server.bus.sessions].slice(reader);
    return session!.port.socket.queuedBytes;
  }

  /** Checks that each reader received each event once, and that no connection stalled. */
  async check(t: Test): Promise<void> {
    const { hub } = this.repository.server.bus;
    for (const reader of this.readers) {
      const events = (): number =>
        reader.messages.reduce(
          (sum, [type, , , told]) => sum + (type === MessageType.events ? (told as unknown[]).length : 0),
          0,
        );
      await until('every event has come', () => events() === hub.revision);
      let index = 0;
      const gaps = reader.messages.filter(([type, , first, told]) => {
        const isGap = type === MessageType.events && first !== index;
        if (type === MessageType.events) index += (told as unknown[]).length;
        return isGap;
      });
      t.same(gaps, [], 'without a gap');
      await reader.close();
    }
    t.equal(hub.stalls, 0);
  }
}

for (const transport of TRANSPORTS) {
  const skip = transport === 'uws' && !uwsLoads ? 'uWebSockets.js does not load here' : false;

  t.test(
    `${transport}: a short queue, below the marks of the engine, is also reported when it drains`,
    { skip },
    async (t) => {
      const bus = await StopAndGo.start(t, transport, 262_144, ['msgpack']);
      const [reader] = bus.readers as [RawClient];
      reader.socket.pause();
      await bus.fill();
      reader.socket.resume();
      await until('it has read what waited', () => bus.queuedBytes() === 0);
      reader.socket.pause();
      // Less than 16 KiB waits, and the next record exceeds the limit.
      while (bus.queuedBytes() === 0) await bus.write(3_000);
      await bus.write(262_000);
      reader.socket.resume();
      await bus.check(t);
    },
  );

  t.test(`${transport}: the same over HTTP`, { skip }, async (t) => {
    const bus = await StopAndGo.start(t, transport, 262_144, []);
    const { url, token } = bus.endpoint;
    const reader = await SlowReader.begin(`${url.replace('ws', 'http')}/events`, token);
    await bus.fill();
    reader.goOn();
    await until('it has read what waited', () => bus.queuedBytes() === 0);
    reader.stop();
    while (bus.queuedBytes() === 0) await bus.write(3_000);
    await bus.write(262_000);
    reader.goOn();
    const { hub } = bus.repository.server.bus;
    await until('every event has come', () => reader.tail.includes(`"revision":${String(hub.revision)}`));
    t.equal(hub.stalls, 0);
    reader.leave();
  });

  t.test(`${transport}: readers that stop and continue at random receive everything`, { skip }, async (t) => {
    for (const [seed, maxQueuedBytes] of [1_024, 4_096, 20_000, 262_144].entries()) {
      const random = new Random(seed);
      const bus = await StopAndGo.start(t, transport, maxQueuedBytes, ['msgpack', 'json']);
      for (let round = 0; round < 12; round++) {
        const chosen = random.below(bus.readers.length);
        const reader = bus.readers[chosen]!;
        if (reader.socket.isPaused) reader.socket.resume();
        else reader.socket.pause();
        if (reader.socket.isPaused && random.below(3) === 0) await bus.fill(chosen);
        for (let n = random.below(12); n > 0; n--)
          await bus.write(random.below(4) === 0 ? 240_000 : random.below(4_000));
        // An answer to a request is queued behind the waiting events, and sending it shortens the queue.
        if (random.below(3) === 0) reader.send([MessageType.ping, round]);
        if (random.below(3) === 0) reader.socket.ping();
      }
      for (const reader of bus.readers) reader.socket.resume();
      await bus.check(t);
    }
  });
}
