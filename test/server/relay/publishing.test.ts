import t from 'tap';
import { epoch, revision, unixMillis, type RecordData } from '../../../protocol/index.js';
import { resolveRelay } from '../../../server/config/relay-options.js';
import { findBase, NoBaseError } from '../../../server/relay/cold-start.js';
import { OriginRelay } from '../../../server/relay/origin-relay.js';
import { readRelayMessage } from '../../../server/relay/read-relay-message.js';
import { RelayNames } from '../../../server/relay/relay-names.js';
import { silentLog } from '../../../server/runtime/log.js';
import { History } from '../../../server/store/history.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { BrokerLink } from '../../simulation/machine/broker-session.js';
import { SeededRandom } from '../../simulation/machine/seeded-random.js';
import { SimulatedBrokerConnection } from '../../simulation/machine/simulated-broker-connection.js';
import { SimulatedBroker } from '../../simulation/machine/simulated-broker.js';
import { SimulatedHost, SimulatedProcess } from '../../simulation/machine/simulated-process.js';
import { SimulatedTime } from '../../simulation/machine/simulated-time.js';

const NAMES = new RelayNames('shop');
const NOW = unixMillis(1_774_882_800_000);

/** A simulated broker, and a clock that the test advances. */
class World {
  readonly time = new SimulatedTime();
  readonly broker = new SimulatedBroker(this.time);
  readonly host = new SimulatedHost(this.time);

  pass(ms: number): Promise<void> {
    return this.time.run(this.time.now + ms);
  }

  connection(name: string) {
    const link = new BrokerLink(this.time, new SeededRandom(1, name));
    const process = new SimulatedProcess(name, this.host, (_process, error) => {
      throw error;
    });
    return { link, process, connect: SimulatedBrokerConnection.connectFor(this.broker, process, link) };
  }

  /** Returns the revisions of the events in the stream, in order. */
  events(): number[] {
    const { firstSequence, lastSequence } = this.stream.info;
    const revisions: number[] = [];
    for (let sequence = firstSequence; sequence <= lastSequence; sequence++) {
      const found = this.stream.find({ sequence });
      const message = found && readRelayMessage(found.data);
      if (message?.is === 'event') revisions.push(message.position);
    }
    return revisions;
  }

  get stream() {
    return this.broker.stream(NAMES.stream);
  }

  /** Appends a message of another writer to the stream. */
  foreign(): void {
    this.broker.publish({ subject: NAMES.record(4, 'a'), payload: Buffer.from('nobody can read this') });
  }
}

/** The source of an origin, and its relay. */
class Origin {
  readonly store = new RecordStore();
  readonly history = new History({ maxHistoryEvents: 100, maxHistoryBytes: 1e6 }, revision(0));
  readonly relay: OriginRelay;
  readonly link: BrokerLink;
  /** The error with which the relay's start ended, if it did. */
  refused: Error | undefined;
  #writes = 0;

  constructor(world: World, name: string) {
    const { link, process, connect } = world.connection(name);
    this.link = link;
    this.relay = new OriginRelay({
      options: resolveRelay({ url: 'nats://broker:4222', repository: 'shop' }, 1_000),
      root: `/${name}`,
      source: {
        epoch: epoch(name.toUpperCase()),
        store: this.store,
        history: this.history,
        health: () => ({ backend: 'simulated', healthy: true, last_scan_ms: 0 }),
        readNow: () => Promise.resolve(),
      },
      maxRecordBytes: 1_000,
      clock: process,
      log: silentLog,
      random: new SeededRandom(1, name).bytes,
      connect,
      place: { host: name, pid: 1 },
    });
    this.relay.start().catch((error: unknown) => {
      this.refused = error as Error;
    });
  }

  put(id: string, data: RecordData): void {
    const signature = { inode: 1, mtimeNs: BigInt(++this.#writes), size: 0 };
    for (const event of this.store.apply({ is: 'present', kind: 'task', id, signature, data }, NOW))
      this.history.append(event);
    this.relay.wake();
  }
}

t.test("if another writer's message takes a sequence, no message after the missing one is stored", async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(100);
  for (let n = 1; n <= 5; n++) origin.put('a', { n });
  await world.pass(0.1);
  world.foreign();
  await world.pass(2_000);
  t.strictSame(world.events(), [1, 2, 3, 4, 5]);
});

t.test('old messages that another program publishes again are skipped at once', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(100);
  for (let n = 1; n <= 3; n++) origin.put('a', { n });
  await world.pass(100);
  const { subject, data } = world.stream.find({ lastOf: NAMES.record(4, 'a') })!;
  const [old] = [world.stream.find({ sequence: world.stream.info.lastSequence - 2 })!];
  t.not(old.data, data);
  world.broker.publish({ subject, payload: old.data });
  origin.put('a', { n: 4 });
  await world.pass(2_000);
  t.strictSame(world.events(), [1, 2, 3, 1, 4]);
  t.strictSame(origin.relay.health, { state: 'publishing', behind: 0 });
  const newest = readRelayMessage(world.stream.find({ lastOf: NAMES.record(4, 'a') })!.data);
  t.match(newest, { is: 'standing', position: 4 }, 'and how the records stand is sent after them');
});

t.test('an origin that another has replaced tries to claim again, also after an outage of NATS', async (t) => {
  const world = new World();
  const first = new Origin(world, 'first');
  await world.pass(5_000);
  first.link.cut();
  const second = new Origin(world, 'second');
  await world.pass(5_000);
  first.link.mend();
  first.put('a', { n: 1 });
  await world.pass(20_000);
  t.equal(first.relay.health.state, 'taken');
  world.broker.kill();
  await world.pass(7_000);
  await second.relay.stop();
  world.broker.start();
  await world.pass(10_000);
  t.strictSame(first.relay.health, { state: 'publishing', behind: 0 });
});

t.test(
  'an origin that has never published is refused by another origin, also if NATS did not answer its first claim',
  async (t) => {
    const world = new World();
    const late = new Origin(world, 'late');
    while (late.relay.health.state === 'connecting') await world.pass(0.1);
    late.link.cut();
    const first = new Origin(world, 'first');
    await world.pass(30_000);
    t.equal(first.relay.health.state, 'publishing');
    t.equal(late.relay.health.state, 'away');
    late.link.mend();
    await world.pass(30_000);
    t.match(late.refused, { name: 'RelayTakenError', message: /published already, by process 1 on first/ });
    t.equal(late.relay.health.state, 'stopped');
    t.equal(first.relay.health.state, 'publishing');
  },
);

t.test('an edge does not begin with a stream from which messages were deleted after its base', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(100);
  for (let n = 1; n <= 3; n++) origin.put('a', { n });
  await world.pass(100);
  const broker = world.connection('edge').connect({ servers: [] }, 'edge');
  await world.pass(10);
  const found = findBase(await broker, NAMES);
  await world.pass(100);
  t.ok((await found) > 0);
  world.stream.deleteMessage(world.stream.info.lastSequence - 1);
  const refused = findBase(await broker, NAMES);
  await Promise.all([t.rejects(refused, NoBaseError), world.pass(100)]);
});
