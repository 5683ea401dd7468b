import fc from 'fast-check';
import t from 'tap';
import { epoch, MessageType, revision, unixMillis } from '../../../protocol/index.js';
import { resolveOptions } from '../../../server/config/options.js';
import { resolveRelay } from '../../../server/config/relay-options.js';
import { EdgeBus } from '../../../server/edge-bus.js';
import { Hub } from '../../../server/delivery/hub.js';
import { OriginRelay } from '../../../server/relay/origin-relay.js';
import { recallTail } from '../../../server/relay/recall-tail.js';
import { encodeEventMessage, encodeMark } from '../../../server/relay/relay-message.js';
import { RelayNames } from '../../../server/relay/relay-names.js';
import { OriginSeal } from '../../../server/relay/seal.js';
import { silentLog } from '../../../server/runtime/log.js';
import type { Change } from '../../../server/store/change.js';
import { History } from '../../../server/store/history.js';
import type { FoundTail, LostTail } from '../../../server/store/lost-tail.js';
import { standingAfterAll } from '../../../server/store/standing.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { StoreEvent } from '../../../server/store/store-event.js';
import { FakeSocket } from '../../support/fake-socket.js';
import { BrokerLink } from '../../simulation/machine/broker-session.js';
import { SeededRandom } from '../../simulation/machine/seeded-random.js';
import { SimulatedBroker } from '../../simulation/machine/simulated-broker.js';
import { SimulatedBrokerConnection } from '../../simulation/machine/simulated-broker-connection.js';
import { SimulatedHost, SimulatedProcess } from '../../simulation/machine/simulated-process.js';
import { SimulatedTime } from '../../simulation/machine/simulated-time.js';

const NAMES = new RelayNames('shop');
const EPOCH = epoch('E');
const NOW = unixMillis(1_774_882_800_000);
const SEAL = new OriginSeal(Buffer.alloc(32, 7).toString('base64url'));
const FORGER = new OriginSeal(Buffer.alloc(32, 8).toString('base64url'));
const IDS = ['a', 'b', 'c'];
const URL = { url: 'nats://broker:4222', repository: 'shop' };
const MAX_STALENESS_MS = 15_000;
const LIMITS = { maxHistoryEvents: 20, maxHistoryBytes: 1e6 };

type Act =
  | { readonly do: 'put' | 'remove'; readonly id: string }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'cut' | 'mend' | 'lose-receipts'; readonly who: 'origin' | 'edge' }
  | { readonly do: 'kill'; readonly who: 'origin' | 'edge' | 'broker' }
  /** The origin is killed before its journal has its last events. */
  | { readonly do: 'lose'; readonly events: number }
  | { readonly do: 'clock'; readonly ms: number }
  | { readonly do: 'garbage' | 'forge' | 'replay'; readonly pick: number }
  | { readonly do: 'delete'; readonly pick: number }
  | { readonly do: 'purge' | 'delete-stream' | 'refuse' | 'accept' };

/** An origin, a broker and an edge, and all that can happen between them. */
class World {
  readonly time = new SimulatedTime();
  readonly broker = new SimulatedBroker(this.time);
  store = new RecordStore();
  history = new History(LIMITS, revision(0));
  /** What the origin's files say. */
  readonly #files = new Map<string, Extract<Change, { is: 'present' }>>();
  /** The records at each revision. */
  readonly #records = new Map<number, readonly RecordVersion[]>([[0, []]]);
  readonly host = new SimulatedHost(this.time);
  /** What the origin held at each revision. */
  readonly truth = new Map<number, string>([[0, '[]']]);
  readonly links = { origin: this.#link('origin'), edge: this.#link('edge') };
  /** When each revision was no longer the last one. */
  readonly #replacedAt = new Map<number, number>();
  origin!: { readonly process: SimulatedProcess; readonly relay: OriginRelay };
  edge!: { readonly process: SimulatedProcess; readonly bus: EdgeBus };
  #processes = 0;
  #writes = 0;
  #isRefusing = false;

  /** @param isKeyed whether the edge is given the origin's key. One that is not believes what others write, until the origin contradicts it. */
  constructor(private readonly isKeyed: boolean) {
    this.startOrigin();
    this.startEdge();
  }

  #link(name: string): BrokerLink {
    return new BrokerLink(this.time, new SeededRandom(1, name));
  }

  #process(name: string, host: SimulatedHost): SimulatedProcess {
    return new SimulatedProcess(`${name}-${String(++this.#processes)}`, host, (_process, error) => {
      throw error;
    });
  }

  startOrigin(): void {
    const process = this.#process('origin', this.host);
    const { store, history } = this;
    const relay = new OriginRelay({
      options: resolveRelay(URL, 1_000),
      root: '/shop',
      source: {
        epoch: EPOCH,
        store,
        history,
        health: () => ({ backend: 'simulated', healthy: true, last_scan_ms: 0 }),
        readNow: () => Promise.resolve(),
        republish: () => undefined,
      },
      maxRecordBytes: 1_000,
      clock: process,
      log: silentLog,
      seal: SEAL,
      random: new SeededRandom(this.#processes, 'origin').bytes,
      connect: SimulatedBrokerConnection.connectFor(this.broker, process, this.links.origin),
      place: { host: 'origin', pid: 1 },
    });
    this.origin = { process, relay };
    relay.start().catch((error: unknown) => {
      if (!process.isDead) throw error;
    });
  }

  startEdge(): void {
    const process = this.#process('edge', new SimulatedHost(this.time));
    const options = resolveOptions({ root: '/', maxStalenessMs: MAX_STALENESS_MS });
    const bus = new EdgeBus(
      resolveRelay({ ...URL, publicKeys: this.isKeyed ? [SEAL.publicKey] : [] }, 1_000),
      options,
      process,
      silentLog,
      {
        connect: SimulatedBrokerConnection.connectFor(this.broker, process, this.links.edge),
        random: new SeededRandom(this.#processes, 'edge').bytes,
      },
    );
    this.edge = { process, bus };
    bus.start().catch((error: unknown) => {
      if (!process.isDead) throw error;
    });
  }

  async act(act: Act): Promise<void> {
    switch (act.do) {
      case 'put':
      case 'remove':
        this.#change(act.id, act.do === 'put');
        break;
      case 'pass':
        await this.pass(act.ms);
        break;
      case 'cut':
      case 'mend':
        this.links[act.who][act.do]();
        break;
      case 'lose-receipts':
        this.links[act.who].losesReceipts = true;
        break;
      case 'kill':
        await this.#kill(act.who);
        break;
      case 'lose':
        await this.#lose(act.events);
        break;
      case 'clock':
        this.host.wallOffsetMs += act.ms;
        break;
      case 'garbage':
      case 'forge':
      case 'replay':
        this.#write(act.do, act.pick);
        break;
      default:
        this.#edit(act);
    }
    await this.pass(40);
  }

  #change(id: string, isPut: boolean): void {
    const signature = { inode: 1, mtimeNs: BigInt(++this.#writes), size: 0 };
    if (isPut) this.#files.set(id, { is: 'present', kind: 'task', id, signature, data: { n: this.#writes } });
    else this.#files.delete(id);
    this.#read(id);
    this.origin.relay.wake();
  }

  /** Reads a file. */
  #read(id: string): void {
    for (const event of this.store.apply(this.#files.get(id) ?? { is: 'absent', kind: 'task', id }, NOW)) {
      this.#replacedAt.set(this.history.newest, this.time.now);
      this.history.append(event);
      this.#note();
    }
  }

  #note(): void {
    const { versions, revision } = this.store.cut();
    this.truth.set(revision, stateOf(versions));
    this.#records.set(revision, versions);
  }

  /** The last events are not in the journal of the origin that follows, which asks the stream for them. */
  async #lose(count: number): Promise<void> {
    const { process } = this.origin;
    process.kill();
    this.broker.processEnded(process, this.links.origin);
    const written = [...this.history.events()].slice(0, -count || undefined);
    const after = written.at(-1)?.revision ?? this.history.base;
    const upTo = revision(this.history.newest + 3);
    this.#replacedAt.set(this.history.newest, this.time.now);
    const found = await this.#recall({ epoch: EPOCH, after, upTo });
    const standing = this.#records.get(after)!.map((version) => ({ version, lapsedAt: revision(0) }));
    this.store = new RecordStore();
    this.store.restore(standingAfterAll(standing, found?.events ?? []), revision(upTo + 1));
    const past = found ? [...written, ...found.events] : [];
    this.history = new Hub({ epoch: EPOCH, store: this.store, past }, { ...LIMITS, maxQueuedBytes: 1e6 }).history;
    this.#note();
    for (const id of IDS) this.#read(id);
    this.startOrigin();
  }

  async #recall(lost: LostTail): Promise<FoundTail | undefined> {
    const process = this.#process('recalling', this.host);
    const connect = SimulatedBrokerConnection.connectFor(this.broker, process, this.links.origin);
    const services = { options: resolveRelay(URL, 1_000), clock: process, log: silentLog, seal: SEAL, connect };
    const found: (FoundTail | undefined)[] = [];
    void recallTail(services, lost).then((tail) => found.push(tail));
    while (found.length === 0) await this.pass(100);
    process.kill();
    this.broker.processEnded(process, this.links.origin);
    return found[0];
  }

  async #kill(who: 'origin' | 'edge' | 'broker'): Promise<void> {
    if (who === 'broker') {
      this.broker.kill();
      await this.pass(300);
      this.broker.start();
      return;
    }
    const { process } = this[who];
    process.kill();
    this.broker.processEnded(process, this.links[who]);
    if (who === 'origin') this.startOrigin();
    else this.startEdge();
  }

  /** Writes what another client of the broker could write. */
  #write(how: 'garbage' | 'forge' | 'replay', pick: number): void {
    const subject = [NAMES.record(4, 'a'), NAMES.base, NAMES.claim, NAMES.record(4, 'x'), NAMES.skip][pick % 5]!;
    const stream = this.broker.streams.get(NAMES.stream);
    if (!stream) return;
    const { firstSequence, lastSequence, messages } = stream.info;
    if (how === 'garbage') this.broker.publish({ subject, payload: Buffer.from('nobody can read this') });
    else if (how === 'forge') this.broker.publish({ subject, payload: this.#forged(subject, lastSequence + 1, pick) });
    else if (messages > 0) {
      const old = stream.find({ sequence: firstSequence + (pick % (lastSequence - firstSequence + 1)) });
      if (old) this.broker.publish({ subject: old.subject, payload: old.data });
    }
  }

  /** A message as the origin could have written it next, signed by another or by nobody. */
  #forged(subject: string, sequence: number, pick: number): Uint8Array {
    const position = revision(this.history.newest + (pick % 3 === 0 ? 1_000 : 1));
    const stamp = { origin: 'forger', epoch: pick % 7 === 0 ? epoch('F') : EPOCH, position };
    const version = new RecordVersion('task', 'a', { forged: true }, position, NOW, undefined, undefined);
    const plain =
      subject === NAMES.base
        ? encodeMark(stamp, {
            is: 'base',
            phase: pick % 2 === 0 ? 'begin' : 'end',
            why: 'x',
            from: pick % 3 === 0 ? sequence + 1_000 : sequence,
            records: 0,
          } as never)
        : subject === NAMES.claim
          ? encodeMark(stamp, { is: 'claim', host: 'h', pid: 1, root: '/', since: NOW })
          : subject === NAMES.skip
            ? encodeMark(stamp, { is: 'skip', after: this.history.newest })
            : encodeEventMessage(stamp, new StoreEvent(position, 'added', NOW, undefined, version));
    return pick % 2 === 0 ? plain : FORGER.seal(subject, sequence, plain);
  }

  #edit(act: Extract<Act, { readonly do: 'delete' | 'purge' | 'delete-stream' | 'refuse' | 'accept' }>): void {
    const stream = this.broker.streams.get(NAMES.stream);
    if (!stream) return;
    const { firstSequence, lastSequence, messages } = stream.info;
    if (act.do === 'delete' && messages > 0)
      stream.deleteMessage(firstSequence + (act.pick % (lastSequence - firstSequence + 1)));
    if (act.do === 'purge') stream.purge();
    if (act.do === 'delete-stream') this.broker.deleteStream(NAMES.stream);
    if (act.do === 'refuse' || act.do === 'accept') {
      this.#isRefusing = act.do === 'refuse';
      stream.refuses = () => (this.#isRefusing ? 'it is full' : undefined);
    }
  }

  /** Lets time pass, and looks each time whether the edge is right. @throws Error if it is not. */
  async pass(ms: number): Promise<void> {
    const until = this.time.now + ms;
    while (this.time.now < until) {
      await this.time.run(Math.min(until, this.time.now + 500));
      const wrong = this.wrong;
      if (wrong !== undefined && this.isKeyed) throw new Error(wrong);
    }
  }

  /** What is wrong with what the edge serves and says; `undefined` if nothing is. */
  get wrong(): string | undefined {
    const { bus } = this.edge;
    if (!bus.isRunning) return bus.readiness.ready ? 'ready without records' : undefined;
    const { hub } = bus;
    const served = stateOf(hub.store.cut().versions);
    if (hub.epoch !== EPOCH) return `the edge serves epoch ${hub.epoch}`;
    const right = this.truth.get(hub.revision);
    if (served !== right) return `at ${String(hub.revision)} the edge serves ${served}, not ${String(right)}`;
    const replacedAt = this.#replacedAt.get(hub.revision) ?? Infinity;
    const isOld = this.time.now - replacedAt > MAX_STALENESS_MS + 1_000;
    if (isOld && bus.readiness.ready) return `ready with revision ${String(hub.revision)}, which is old`;
    return isOld && bus.health.healthy ? 'healthy with old records' : undefined;
  }

  /** Takes all that hinders away. */
  heal(): void {
    this.#isRefusing = false;
    for (const link of Object.values(this.links)) {
      link.losesReceipts = false;
      link.mend();
    }
  }

  /** What is not as it has to be when nothing hinders; empty if all is well. */
  get left(): string[] {
    const { relay } = this.origin;
    const { bus } = this.edge;
    const found = [
      relay.health.state === 'publishing' ? '' : `the origin is ${relay.health.state}`,
      relay.health.behind === 0 ? '' : `the origin is ${String(relay.health.behind)} behind`,
      bus.readiness.ready ? '' : `the edge is ${bus.state} and not ready: ${bus.readiness.why}`,
      bus.isRunning && bus.hub.revision === this.history.newest ? '' : 'the edge does not have everything',
      this.wrong ?? '',
    ];
    return found.filter((text) => text !== '');
  }
}

function stateOf(versions: readonly RecordVersion[]): string {
  return JSON.stringify(versions.map(({ id, data }) => ({ id, data })).sort((a, b) => (a.id < b.id ? -1 : 1)));
}

const who = fc.constantFrom('origin' as const, 'edge' as const);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'remove' as const), id: fc.constantFrom(...IDS) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 2_000, 11_000, 30_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'mend' as const, 'lose-receipts' as const), who }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('kill' as const),
      who: fc.constantFrom('origin' as const, 'edge' as const, 'broker' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), events: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('clock' as const), ms: fc.constantFrom(-3_600_000, -600_000, 600_000) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('garbage' as const, 'forge' as const, 'replay' as const),
      pick: fc.nat(60),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), pick: fc.nat(60) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('purge' as const, 'delete-stream' as const, 'refuse' as const, 'accept' as const),
    }),
  },
);

/** @param withinMs how long a change may take to come through when nothing hinders. */
async function endsWell(world: World, acts: readonly Act[], withinMs: number): Promise<void> {
  await world.pass(3_000);
  for (const each of acts) await world.act(each);
  world.heal();
  for (let waited = 0; world.left.length > 0 && waited < 120; waited++) await world.pass(1_000);
  if (world.left.length > 0) throw new Error(world.left.join('; '));
  await world.act({ do: 'put', id: 'a' });
  await world.pass(withinMs);
  if (world.left.length > 0) throw new Error(`after a change: ${world.left.join('; ')}`);
}

t.test(
  'whatever happens, an edge is never wrong, never says that old records are new, and all goes on when nothing hinders',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 25 }), (acts) =>
        endsWell(new World(true), acts, 5_000),
      ),
      { numRuns: Number(process.env['RELAY_RUNS'] ?? 40) },
    );
  },
);

t.test('clients of an edge that has served what the origin does not have are told that it is stale', async (t) => {
  const world = new World(false);
  await world.pass(3_000);
  await world.act({ do: 'put', id: 'a' });
  const socket = new FakeSocket('json');
  const client = world.edge.bus.attach(socket, 'json');
  client.message(Buffer.from(JSON.stringify([MessageType.subscribe, 7])), false);
  await world.pass(1_000);
  await world.act({ do: 'forge', pick: 5 });
  t.match(JSON.stringify(socket.takeMessages().at(-1)), '{"forged":true}');
  await world.pass(15_000);
  t.strictSame(world.left, []);
  const told = socket.takeMessages().map(([type, ...rest]) => [type, ...rest.slice(0, 2)]);
  t.strictSame(told.slice(-2), [
    [MessageType.resync, 7, 'compacted'],
    [MessageType.complete, 7, 'shutdown'],
  ]);
  t.equal(socket.closedWith?.code, 1001);

  await world.act({ do: 'put', id: 'b' });
  await world.act({ do: 'kill', who: 'edge' });
  await world.pass(3_000);
  const returned = new FakeSocket('json');
  const returning = world.edge.bus.attach(returned, 'json');
  returning.message(Buffer.from(JSON.stringify([MessageType.subscribe, 7, { since: 'E:1' }])), false);
  await world.pass(1_000);
  const replayed = JSON.stringify(returned.takeMessages());
  t.match(replayed, '[2,1,4,"b"', 'a new edge replays what the origin wrote');
  t.notMatch(replayed, 'forged', 'and not what took its revision');
});

t.test('an edge without the key is right in the end, whatever others have written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 15 }), (acts) =>
      endsWell(new World(false), acts, 15_000),
    ),
    { numRuns: Number(process.env['RELAY_RUNS'] ?? 20) },
  );
});
