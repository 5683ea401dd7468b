import t from 'tap';
import { epoch, revision, unixMillis } from '../../../protocol/index.js';
import type { Broker, Delivery, FeedStart, ReaderEvents } from '../../../server/relay/broker.js';
import { EdgeStream } from '../../../server/relay/edge-stream.js';
import { encodeEventMessage, encodeMark } from '../../../server/relay/relay-message.js';
import { RelayNames } from '../../../server/relay/relay-names.js';
import { silentLog } from '../../../server/runtime/log.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { StoreEvent } from '../../../server/store/store-event.js';
import { ManualClock } from '../../support/manual-clock.js';

const NAMES = new RelayNames('shop');
const ORIGIN = { origin: 'me', epoch: epoch('E') };
const NOW = unixMillis(1_774_882_800_000);

/** A stream of events, one for each revision but those that are missing, after a base of nothing. */
class World {
  readonly clock = new ManualClock();
  readonly stream: Omit<Delivery, 'number' | 'pending'>[] = [];
  readonly readers: { readonly events: ReaderEvents; count: number }[] = [];
  /** The revisions of the states that were handed on. */
  readonly states: number[] = [];
  readonly edge: EdgeStream;

  constructor() {
    const mark = { is: 'base', phase: 'end', from: 1, records: 0 } as const;
    this.#store(NAMES.base, encodeMark({ ...ORIGIN, position: revision(0) }, mark));
    this.edge = new EdgeStream({
      broker: this.broker,
      names: NAMES,
      clock: this.clock,
      log: silentLog,
      random: () => new Uint8Array([128]),
      historyMessages: 10,
      askForBase: () => Promise.resolve(),
      sink: {
        state: (state) => this.states.push(state.revision),
        events: () => undefined,
        origin: () => undefined,
      },
    });
  }

  get broker(): Broker {
    const info = () => ({
      firstSequence: 1,
      lastSequence: this.stream.length,
      messages: this.stream.length,
      bytes: 0,
    });
    return {
      findStream: () => Promise.resolve(info()),
      findMessage: () => Promise.resolve(this.stream[0]),
      countDeleted: () => Promise.resolve(0),
      read: (_spec: unknown, start: FeedStart, events: ReaderEvents) => {
        this.readers.push({ events, count: 0 });
        const from = start === 'last-per-subject' ? 1 : start.from;
        // The history is read when a test says so.
        if (start === 'last-per-subject') this.deliver(this.readers.length - 1, from);
        return Promise.resolve({ close: () => undefined });
      },
    } as unknown as Broker;
  }

  happens(at: number): this {
    const version = new RecordVersion('task', `t${String(at)}`, { at }, revision(at), NOW, undefined, undefined);
    const event = new StoreEvent(revision(at), 'added', NOW, undefined, version);
    this.#store(NAMES.record(4, version.id), encodeEventMessage(ORIGIN, event));
    return this;
  }

  /** Gives a reader all from a sequence on. */
  deliver(reader: number, from: number): void {
    const to = this.readers[reader]!;
    for (const delivery of this.stream.slice(from - 1)) {
      const pending = this.stream.length - delivery.sequence;
      to.events.message({ ...delivery, number: ++to.count, pending });
    }
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #store(subject: string, data: Uint8Array): void {
    this.stream.push({ sequence: this.stream.length + 1, subject, data });
  }
}

t.test(
  'a hole in what comes while the history is read is found at the end of that, and the edge begins anew',
  async (t) => {
    const world = new World().happens(1).happens(2);
    void world.edge.start();
    await world.settle();
    world.happens(9).deliver(0, 4);
    world.deliver(1, 1);
    await world.settle();
    t.strictSame(world.states, [2]);
    world.deliver(3, 1);
    await world.settle();
    t.strictSame(world.states, [2, 9]);
    t.equal(world.edge.state, 'following');
  },
);

t.test('a feed that breaks while the history is read is no feed to follow', async (t) => {
  const world = new World().happens(1);
  void world.edge.start();
  await world.settle();
  world.readers[0]!.events.ended('the consumer is gone');
  world.deliver(1, 1);
  await world.settle();
  t.strictSame(world.states, []);
  world.clock.advance(50);
  await world.settle();
  world.deliver(3, 1);
  await world.settle();
  t.strictSame(world.states, [1]);
});

t.test('an attempt of which the history never comes ends, and another follows', async (t) => {
  const world = new World().happens(1);
  void world.edge.start();
  await world.settle();
  t.equal(world.edge.state, 'building');
  world.clock.advance(10_000);
  world.clock.advance(10_000);
  await world.settle();
  t.equal(world.edge.state, 'waiting');
  world.clock.advance(1_000);
  await world.settle();
  world.deliver(3, 1);
  await world.settle();
  t.strictSame(world.states, [1]);
});
