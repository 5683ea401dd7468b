import t from 'tap';
import { epoch, revision, unixMillis, type RecordData } from '../../../protocol/index.js';
import { resolveRelay } from '../../../server/config/relay-options.js';
import { findBase, NoBaseError, readHistory } from '../../../server/relay/cold-start.js';
import type { Broker } from '../../../server/relay/broker.js';
import { OriginRelay, type OriginRelayServices } from '../../../server/relay/origin-relay.js';
import { readStored } from '../../../server/relay/read-relay-message.js';
import { RelayNames } from '../../../server/relay/relay-names.js';
import { StreamFeed } from '../../../server/relay/stream-feed.js';
import { StreamRebuild } from '../../../server/relay/stream-rebuild.js';
import { silentLog } from '../../../server/runtime/log.js';
import { History } from '../../../server/store/history.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
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

  pass(ms: number): Promise<void> {
    return this.time.run(this.time.now + ms);
  }

  connection(name: string, host = new SimulatedHost(this.time)) {
    const link = new BrokerLink(this.time, new SeededRandom(1, name));
    const process = new SimulatedProcess(name, host, (_process, error) => {
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
      const message = found && readStored(found, NAMES);
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
  relay: OriginRelay;
  readonly #services: OriginRelayServices;
  readonly link: BrokerLink;
  /** What it has logged as a warning or an error. */
  readonly complaints: string[] = [];
  /** The error with which the relay's start ended, if it did. */
  refused: Error | undefined;
  #writes = 0;

  readonly host: SimulatedHost;

  constructor(world: World, name: string, wallOffsetMs = 0) {
    this.host = new SimulatedHost(world.time);
    this.host.wallOffsetMs = wallOffsetMs;
    const { link, process, connect } = world.connection(name, this.host);
    this.link = link;
    const complain = (_fields: object, message: string): void => void this.complaints.push(message);
    this.#services = {
      options: resolveRelay({ url: 'nats://broker:4222', repository: 'shop' }, 1_000),
      root: `/${name}`,
      source: {
        epoch: epoch(name.toUpperCase()),
        store: this.store,
        history: this.history,
        health: () => ({ backend: 'simulated', healthy: true, last_scan_ms: 0 }),
        readNow: () => Promise.resolve(),
        republish: (records) => {
          this.publish(records.flatMap(({ kind, id }) => this.store.republish(kind, id, NOW)));
        },
      },
      maxRecordBytes: 1_000,
      clock: process,
      log: { ...silentLog, warn: complain, error: complain },
      random: new SeededRandom(1, name).bytes,
      connect,
      place: { host: name, pid: 1 },
    };
    this.relay = this.start();
  }

  /** Starts the relay of the next process. */
  start(): OriginRelay {
    const relay = new OriginRelay(this.#services);
    this.relay = relay;
    relay.start().catch((error: unknown) => {
      this.refused = error as Error;
    });
    return relay;
  }

  put(id: string, data: RecordData): void {
    const signature = { inode: 1, mtimeNs: BigInt(++this.#writes), size: 0 };
    this.publish(this.store.apply({ is: 'present', kind: 'task', id, signature, data }, NOW));
  }

  publish(events: readonly StoreEvent[]): void {
    for (const event of events) this.history.append(event);
    this.relay.wake();
  }
}

/** Returns a connection to the broker. */
async function connected(world: World, name: string): Promise<Broker> {
  const connecting = world.connection(name).connect({ servers: [] }, name);
  await world.pass(10);
  return connecting;
}

/** Returns an origin that was cut from the broker while a second one took its stream, and is connected again. */
async function replacedOrigin() {
  const world = new World();
  const first = new Origin(world, 'first');
  await world.pass(5_000);
  first.link.cut();
  const second = new Origin(world, 'second');
  await world.pass(5_000);
  first.link.mend();
  return { world, first, second };
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
  t.match(origin.relay.health, { state: 'publishing', behind: 0 });
  const newest = readStored(world.stream.find({ lastOf: NAMES.record(4, 'a') })!, NAMES);
  t.match(newest, { is: 'standing', position: 4 }, 'and how the records stand is sent after them');
});

t.test('an origin that another has replaced tries to claim again, also after an outage of NATS', async (t) => {
  const { world, first, second } = await replacedOrigin();
  first.put('a', { n: 1 });
  await world.pass(20_000);
  t.equal(first.relay.health.state, 'taken');
  world.broker.kill();
  await world.pass(7_000);
  await second.relay.stop();
  world.broker.start();
  await world.pass(10_000);
  t.match(first.relay.health, { state: 'publishing', behind: 0 });
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
  const found = findBase({ broker: await broker, names: NAMES });
  await world.pass(100);
  t.ok((await found).from > 0);
  world.stream.deleteMessage(world.stream.info.lastSequence - 1);
  const refused = findBase({ broker: await broker, names: NAMES });
  await Promise.all([t.rejects(refused, NoBaseError), world.pass(100)]);
});

t.test('an edge does not begin with a stream from which messages were deleted while it read it', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(3_000);
  origin.put('a', { n: 1 });
  origin.put('b', { n: 1 });
  await world.pass(100);
  const source = { broker: await connected(world, 'edge'), names: NAMES };
  const ignore = (): void => undefined;
  const begin = (meanwhile: () => void): Promise<readonly string[]> =>
    new StreamRebuild({ ...source, clock: world.connection('rebuild').process, historyMessages: 0 })
      .run(async (message) => {
        meanwhile();
        await StreamFeed.open(source, 'last-per-subject', { message, unreadable: ignore, broken: ignore });
      })
      .then(({ state }) => state.versions.map(({ id }) => id));
  const [whole] = await Promise.all([begin(ignore), world.pass(1_000)]);
  t.strictSame([...whole].sort(), ['a', 'b']);
  const refused = begin(() => {
    world.stream.deleteMessage(world.stream.info.lastSequence - 1);
  });
  await Promise.all([t.rejects(refused, NoBaseError), world.pass(1_000)]);
});

t.test('a base that is larger than the history takes none of it from an edge that begins then', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(3_000);
  for (let n = 1; n <= 40; n++) origin.put(`r${String(n)}`, { n });
  await world.pass(100);
  const broker = await connected(world, 'edge');
  const asked = broker.request(NAMES.ask, JSON.stringify({ ask: 'base' }), 1_000);
  await Promise.all([asked, world.pass(100)]);
  const { lastSequence: sequence } = world.stream.info;
  t.equal(
    readStored(world.stream.find({ sequence })!, NAMES)?.is,
    'base',
    'the last message ends a base of 40 records',
  );
  const versions = origin.store.cut().versions;
  const state = { origin: 'first', epoch: epoch('FIRST'), revision: revision(40), sequence, versions };
  const history = readHistory({ broker, names: NAMES }, state, 10);
  await world.pass(100);
  t.strictSame(
    (await history).map((event) => Number(event.revision)),
    [32, 33, 34, 35, 36, 37, 38, 39, 40],
  );
});

t.test('an edge that no base helps, as one with a wrong key, is sent less and less of them', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(3_000);
  origin.put('a', { n: 1 });
  const edge = await connected(world, 'edge');
  const { lastSequence: before } = world.stream.info;
  for (let asked = 0; asked < 240; asked++) {
    void edge.request(NAMES.ask, JSON.stringify({ ask: 'base' }), 1_000);
    await world.pass(500);
  }
  const perBase = 2;
  const bases = (world.stream.info.lastSequence - before) / perBase;
  t.ok(bases >= 4 && bases <= 7, `${String(bases)} in two minutes`);
});

t.test('a stream that was deleted goes on with the next event, and then has a base', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(3_000);
  origin.put('a', { n: 1 });
  await world.pass(1_000);
  world.broker.deleteStream(NAMES.stream);
  origin.put('b', { n: 2 });
  origin.put('c', { n: 3 });
  await world.pass(5_000);
  t.strictSame(world.events(), [2, 3]);
  const last = readStored(world.stream.find({ lastOf: NAMES.base })!, NAMES);
  t.match(last, { is: 'base', phase: 'end', position: 3, records: 3 });
});

t.test('a record that does not fit into a message stops nothing: edges are told that it cannot be read', async (t) => {
  const world = new World();
  world.broker.maxPayloadBytes = 4_096;
  const origin = new Origin(world, 'first');
  await world.pass(100);
  origin.put('a', { n: 1 });
  origin.put('large', { text: 'x'.repeat(10_000) });
  origin.put('b', { n: 2 });
  origin.put('large', { text: 'it is small again' });
  await world.pass(1_000);
  t.strictSame(world.events(), [1, 2, 3, 4]);
  t.match(origin.relay.health, { state: 'publishing', behind: 0 });
  const large = readStored(world.stream.find({ sequence: world.stream.info.lastSequence - 2 })!, NAMES);
  t.match(large, { is: 'event', type: 'added', after: { problem: 'unreadable', data: {} } });
});

/** Who bounds a message, and how the bound is changed while an origin publishes. */
const BOUNDS: readonly (readonly [what: string, change: (world: World, bytes: number) => void, withinMs: number])[] = [
  ['a broker', ({ broker }, bytes) => (broker.maxPayloadBytes = bytes), 75_000],
  ['a stream', ({ stream }, bytes) => (stream.maxMessageBytes = bytes), 15_000],
];

for (const [what, change, withinMs] of BOUNDS) {
  t.test(`a record that did not fit is sent when ${what} that is in use takes larger messages`, async (t) => {
    const world = new World();
    const origin = new Origin(world, 'first');
    await world.pass(1_000);
    change(world, 4_096);
    origin.put('large', { text: 'x'.repeat(10_000) });
    origin.put('small', { n: 1 });
    await world.pass(60_000);
    const told = (): unknown => readStored(world.stream.find({ lastOf: NAMES.record(4, 'large') })!, NAMES);
    t.match(told(), { after: { problem: 'unreadable' } }, 'it is cut');
    t.match(origin.relay.health, { state: 'publishing', behind: 0 });
    const { claims } = origin.relay.health;
    await world.pass(200_000);
    t.equal(origin.relay.health.claims, claims, 'and the connection that is in use is not disturbed');
    change(world, 1_048_576);
    await world.pass(withinMs);
    t.match(told(), { is: 'event', type: 'modified', after: { problem: undefined } });
    t.match(origin.relay.health, { state: 'publishing', behind: 0 });
  });
}

t.test('an origin that starts tells records that an earlier process has cut', async (t) => {
  const world = new World();
  world.broker.maxPayloadBytes = 4_096;
  const origin = new Origin(world, 'first');
  origin.put('large', { text: 'x'.repeat(10_000) });
  await world.pass(3_000);
  await origin.relay.stop();
  world.broker.maxPayloadBytes = 1_048_576;
  origin.start();
  await world.pass(5_000);
  t.match(origin.relay.health, { state: 'publishing', behind: 0 });
  const told = readStored(world.stream.find({ lastOf: NAMES.record(4, 'large') })!, NAMES);
  t.match(told, { is: 'event', type: 'modified', position: 2, after: { problem: undefined } });
});

t.test('a change of a record that fits only without its state before is sent without that', async (t) => {
  const world = new World();
  world.broker.maxPayloadBytes = 16_384;
  const origin = new Origin(world, 'first');
  await world.pass(100);
  for (const letter of ['x', 'y']) origin.put('large', { text: letter.repeat(10_000) });
  await world.pass(100);
  const told = readStored(world.stream.find({ lastOf: NAMES.record(4, 'large') })!, NAMES);
  t.match(told, { type: 'modified', before: { problem: 'unreadable' }, after: { problem: undefined } });
  t.strictSame(origin.complaints, []);
});

t.test('a broker that takes no record at all is not claimed, until it takes larger messages', async (t) => {
  const world = new World();
  const origin = new Origin(world, 'first');
  await world.pass(5_000);
  world.broker.maxPayloadBytes = 100;
  await world.pass(5_000);
  t.equal(origin.relay.health.state, 'refused');
  t.match(origin.complaints.at(-1), /max_payload is 100, which takes no record: at least 4096/);
  world.broker.maxPayloadBytes = 1_048_576;
  await world.pass(75_000);
  t.equal(origin.relay.health.state, 'publishing');
});

t.test('an answer that no origin can have given keeps no origin from its stream', async (t) => {
  const world = new World();
  const before = new Origin(world, 'before');
  await world.pass(3_000);
  before.link.cut();
  const stranger = await connected(world, 'stranger');
  for (const answer of ['{}', 'null', '[]', '"x"', '{"origin":1}', 'rubbish'])
    stranger.subscribe(NAMES.ask, (question) => {
      question.respond(answer);
    });
  const next = new Origin(world, 'next');
  await world.pass(10_000);
  t.equal(next.relay.health.state, 'publishing');
  t.equal(next.refused, undefined);
});

t.test(
  'a stream that refuses every message is claimed less and less often, and no heartbeat says that all is well',
  async (t) => {
    const world = new World();
    const origin = new Origin(world, 'first');
    await world.pass(1_000);
    world.stream.refuses = (subject) => (subject === NAMES.claim ? undefined : 'the stream is sealed');
    let beats = 0;
    const listener = world.connection('listener').connect({ servers: [] }, 'listener');
    await world.pass(10);
    (await listener).subscribe(NAMES.alive, () => beats++);
    await world.pass(3_000);
    t.ok(beats > 0, 'heartbeats before it');
    const before = world.stream.info.lastSequence;
    origin.put('a', { n: 1 });
    await world.pass(100);
    beats = 0;
    await world.pass(60_000);
    t.match(origin.relay.health, { state: 'refused', behind: 1, why: 'the stream is sealed' });
    t.equal(beats, 0);
    t.strictSame(
      origin.complaints.filter((line) => line.startsWith('not publishing')),
      ['not publishing, because NATS refuses it: the stream is sealed; it is tried again'],
      'which is one line in the log',
    );
    const claims = world.stream.info.lastSequence - before;
    t.ok(claims >= 4 && claims < 14, `${String(claims)} claims in a minute`);
    world.stream.refuses = () => undefined;
    await world.pass(20_000);
    t.match(origin.relay.health, { state: 'publishing', behind: 0 });
    t.ok(beats > 0);
  },
);

t.test(
  'an origin that publishes nothing notices that another has taken its stream, or that the stream has changed',
  async (t) => {
    const { world, first, second } = await replacedOrigin();
    await world.pass(12_000);
    t.equal(first.relay.health.state, 'taken');
    t.equal(second.relay.health.state, 'publishing');
    const { lastSequence } = world.stream.info;
    world.foreign();
    await world.pass(15_000);
    t.ok(world.stream.info.lastSequence > lastSequence + 2, 'a new base follows what another program has written');
  },
);

for (const aheadMs of [-600_000, 600_000]) {
  t.test(
    `a claim from a clock that is ${String(aheadMs / 1_000)} s ahead keeps the next origin waiting for seconds only`,
    async (t) => {
      const world = new World();
      const dead = new Origin(world, 'dead', aheadMs);
      await world.pass(1_000);
      dead.link.cut();
      const next = new Origin(world, 'next');
      await world.pass(7_000);
      t.equal(next.relay.health.state, 'publishing');
    },
  );
}

t.test(
  'the age of a base is measured by the stamps of the stream: a clock that is set back delays no new one',
  async (t) => {
    const world = new World();
    const origin = new Origin(world, 'first');
    origin.put('a', { n: 1 });
    await world.pass(1_000);
    origin.host.wallOffsetMs = -3_600_000;
    const asker = world.connection('edge').connect({ servers: [] }, 'edge');
    await world.pass(10);
    const before = world.stream.info.lastSequence;
    void (await asker).request(NAMES.ask, JSON.stringify({ ask: 'base' }), 1_000);
    await world.pass(3_000);
    void (await asker).request(NAMES.ask, JSON.stringify({ ask: 'base' }), 1_000);
    await world.pass(1_000);
    t.ok(world.stream.info.lastSequence > before);
  },
);
