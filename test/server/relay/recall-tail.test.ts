import t from 'tap';
import { epoch, revision } from '../../../protocol/index.js';
import { resolveRelay } from '../../../server/config/relay-options.js';
import { encodeEventMessage, encodeMark, encodeStandingMessage } from '../../../server/relay/relay-message.js';
import { recallTail } from '../../../server/relay/recall-tail.js';
import { RelayNames } from '../../../server/relay/relay-names.js';
import { OriginSeal } from '../../../server/relay/seal.js';
import { silentLog } from '../../../server/runtime/log.js';
import type { FoundTail } from '../../../server/store/lost-tail.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { BrokerLink } from '../../simulation/machine/broker-session.js';
import { SeededRandom } from '../../simulation/machine/seeded-random.js';
import { SimulatedBroker } from '../../simulation/machine/simulated-broker.js';
import { SimulatedBrokerConnection } from '../../simulation/machine/simulated-broker-connection.js';
import { SimulatedHost, SimulatedProcess } from '../../simulation/machine/simulated-process.js';
import { SimulatedTime } from '../../simulation/machine/simulated-time.js';
import { NOW, present } from '../../support/changes.js';

const NAMES = new RelayNames('shop');
const OURS = epoch('OURS');
const SEAL = new OriginSeal(Buffer.alloc(32, 7).toString('base64url'));
const FORGER = new OriginSeal(Buffer.alloc(32, 8).toString('base64url'));
const OPTIONS = resolveRelay({ url: 'nats://broker:4222', repository: 'shop' }, 1_000);

/** A stream that an origin has written, and the origin that comes after it. */
class World {
  readonly time = new SimulatedTime();
  readonly broker = new SimulatedBroker(this.time);
  readonly store = new RecordStore();
  readonly said: string[] = [];

  constructor() {
    this.broker.ensureStream({ name: NAMES.stream, subjects: NAMES.all, limits: OPTIONS.limits });
  }

  get stream() {
    return this.broker.stream(NAMES.stream);
  }

  /** Publishes the events of some changes. */
  happens(count: number, { of = OURS, seal = SEAL } = {}): this {
    for (let i = 0; i < count; i++)
      for (const event of this.store.apply(present('task', `t${String(i % 3)}`, { i }), NOW))
        this.write(NAMES.record(4, event.record.id), encodeEventMessage({ origin: 'o', epoch: of }, event), seal);
    return this;
  }

  skips(to: number): this {
    const after = this.store.revision;
    const standing = this.store.cut().versions.map((version) => ({ version, lapsedAt: revision(0) }));
    this.store.restore(standing, revision(to));
    const stamp = { origin: 'o', epoch: OURS, position: revision(to) };
    return this.write(NAMES.skip, encodeMark(stamp, { is: 'skip', after }));
  }

  stands(count: number): this {
    const stamp = { origin: 'o', epoch: OURS, position: this.store.revision };
    for (let i = 0; i < count; i++)
      this.write(NAMES.record(4, 't0'), encodeStandingMessage(stamp, this.store.get('task', 't0')!));
    return this;
  }

  write(subject: string, message: Uint8Array, seal?: OriginSeal): this {
    const by = seal ?? SEAL;
    this.broker.publish({ subject, payload: by.seal(subject, this.stream.info.lastSequence + 1, message) });
    return this;
  }

  /** Asks for what follows the journal's last revision. @returns the revisions of the events, and how far the stream has come. */
  async recall(after: number, upTo = 100_000): Promise<{ reached: number; revisions: number[] } | undefined> {
    const link = new BrokerLink(this.time, new SeededRandom(1, 'origin'));
    const process = new SimulatedProcess('origin', new SimulatedHost(this.time), (_process, error) => {
      throw error;
    });
    const say = (_fields: object, message: string): void => void this.said.push(message);
    const found: (FoundTail | undefined)[] = [];
    void recallTail(
      {
        options: OPTIONS,
        clock: process,
        log: { ...silentLog, warn: say, info: say },
        seal: SEAL,
        connect: SimulatedBrokerConnection.connectFor(this.broker, process, link),
      },
      { epoch: OURS, after: revision(after), upTo: revision(upTo) },
    ).then((tail) => found.push(tail));
    for (let waited = 0; found.length === 0 && waited < 60; waited++) await this.time.run(this.time.now + 100);
    if (found.length === 0) throw new Error('it waits for ever');
    const [tail] = found;
    return tail && { reached: tail.reached, revisions: tail.events.map((event) => event.revision) };
  }
}

t.test('the stream gives back what follows the end of a journal', async (t) => {
  const world = new World().happens(7);
  t.strictSame(await world.recall(4), { reached: 7, revisions: [5, 6, 7] });
  t.strictSame(await world.recall(0), { reached: 7, revisions: [1, 2, 3, 4, 5, 6, 7] });
  t.strictSame(await world.recall(7), { reached: 7, revisions: [] });
  t.strictSame(await world.recall(9), { reached: 7, revisions: [] }, 'a journal may hold more than the stream');
  t.match(world.said, [/the stream continues the journal/]);
});

t.test(
  'a base in between, what is written far back, and revisions that were lost before are no obstacle',
  async (t) => {
    const world = new World().happens(3).skips(9).happens(2).stands(700).happens(2);
    t.strictSame(await world.recall(2), { reached: 13, revisions: [3, 10, 11, 12, 13] });
    t.strictSame(await world.recall(9), { reached: 13, revisions: [10, 11, 12, 13] });
  },
);

t.test('only what the origin has signed counts', async (t) => {
  const world = new World().happens(5);
  const { store } = world;
  const last = store.revision;
  world.happens(2, { seal: FORGER });
  world.broker.publish({ subject: NAMES.base, payload: Buffer.from('nobody can read this') });
  t.strictSame(await world.recall(3), { reached: Number(last), revisions: [4, 5] });
  // What was signed for another place is no message of this one.
  const old = world.stream.find({ sequence: 5 })!;
  world.broker.publish({ subject: old.subject, payload: old.data });
  t.strictSame(await world.recall(3), { reached: Number(last), revisions: [4, 5] });
});

t.test('a stream that does not continue the journal gives nothing, and the log says so', async (t) => {
  const missing = new World().happens(6);
  missing.stream.deleteMessage(5);
  const another = new World().happens(4).happens(2, { of: epoch('ANOTHER') });
  const cases: readonly (readonly [what: string, world: World, after: number, upTo?: number])[] = [
    ['a message is missing', missing, 3],
    ['another epoch has begun', another, 3],
    ['it is empty', new World(), 3],
    ['it says what was never sent', new World().happens(6), 3, 5],
    ['only what another has written is left', new World().happens(600, { seal: FORGER }), 0],
  ];
  for (const [what, world, after, upTo] of cases) {
    t.equal(await world.recall(after, upTo), undefined, what);
    t.match(world.said, [/does not have .* does not continue the journal/], what);
  }
  t.strictSame(await missing.recall(5), { reached: 6, revisions: [6] }, 'but what follows the missing one is whole');
});

t.test('a start does not wait long for a broker that is away', async (t) => {
  const world = new World().happens(6);
  world.broker.kill();
  const before = world.time.now;
  t.equal(await world.recall(3), undefined);
  t.ok(world.time.now - before < 5_200, `${String(world.time.now - before)} ms`);
  t.match(world.said.at(-1), /NATS has not said within 5 s what it holds.*clients of edges start again/);
});
