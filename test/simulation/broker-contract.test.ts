import t, { type Test } from 'tap';
import { resolveRelay } from '../../server/config/relay-options.js';
import type { Broker, Delivery, FeedStart, Reader, Receipt, StreamSpec } from '../../server/relay/broker.js';
import { connectNatsBroker } from '../../server/relay/nats-broker.js';
import { connectNats, type Nats } from '../../server/relay/nats.js';
import { NatsServer, withoutNats } from '../support/nats-server.js';
import { until } from '../support/until.js';
import { BrokerLink } from './machine/broker-session.js';
import { SeededRandom } from './machine/seeded-random.js';
import { SimulatedBroker } from './machine/simulated-broker.js';
import { SimulatedBrokerConnection } from './machine/simulated-broker-connection.js';
import { SimulatedHost, SimulatedProcess } from './machine/simulated-process.js';
import { SimulatedTime } from './machine/simulated-time.js';

/** A broker, real or simulated, with the actions of an operator. */
interface BrokerWorld {
  connect(): Promise<Broker>;
  kill(): Promise<void>;
  start(): Promise<void>;
  purge(): Promise<void>;
  deleteMessage(sequence: number): Promise<void>;
  deleteStream(): Promise<void>;
  /** Changes the largest message that is accepted, while the broker runs. */
  accept(bytes: number): void;
}

const NAME = 'MUSE_contract';
const SPEC: StreamSpec = {
  name: NAME,
  subjects: 'muse.contract.>',
  limits: { maxMessages: 100, maxBytes: 1_048_576, maxAgeMs: 3_600_000, replicas: 1 },
};
const subject = (id: string): string => `muse.contract.${id}`;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (data: Uint8Array): string => Buffer.from(data).toString();

async function realWorld(t: Test): Promise<BrokerWorld> {
  const server = await NatsServer.start();
  t.teardown(() => server.dispose());
  const { access } = resolveRelay({ url: server.url }, 1_000);
  let operator: Nats | undefined;
  const streams = async (): Promise<Nats['manager']['streams']> => {
    if (!operator) {
      const nats = await connectNats(access, 'operator');
      t.teardown(() => nats.connection.close());
      operator = nats;
    }
    return operator.manager.streams;
  };
  return {
    connect: async () => {
      const broker = await connectNatsBroker(access, 'contract');
      t.teardown(() => broker.close());
      return broker;
    },
    kill: () => server.stop('SIGKILL'),
    start: () => server.start(),
    purge: async () => {
      await (await streams()).purge(NAME);
    },
    deleteMessage: async (sequence) => {
      await (await streams()).deleteMessage(NAME, sequence);
    },
    deleteStream: async () => {
      await (await streams()).delete(NAME);
    },
    accept: (bytes) => {
      server.reload(`max_payload: ${String(bytes)}`);
    },
  };
}

function simulatedWorld(t: Test): Promise<BrokerWorld> {
  const time = new SimulatedTime();
  const broker = new SimulatedBroker(time);
  const host = new SimulatedHost(time);
  let isOver = false;
  t.teardown(() => {
    isOver = true;
  });
  const go = async (): Promise<void> => {
    while (!isOver) await time.run(time.now + 5);
  };
  go().catch((error: unknown) => t.fail(String(error)));
  const done = Promise.resolve();
  return Promise.resolve({
    connect: async () => {
      const process = new SimulatedProcess('contract', host, (_process, error) => t.fail(String(error)));
      const link = new BrokerLink(time, new SeededRandom(1, 'link'));
      const connected = await SimulatedBrokerConnection.connectFor(broker, process, link)({ servers: [] }, '');
      t.teardown(() => connected.close());
      return connected;
    },
    kill: () => {
      broker.kill();
      return done;
    },
    start: () => {
      broker.start();
      return done;
    },
    purge: () => {
      broker.stream(NAME).purge();
      return done;
    },
    deleteMessage: (sequence) => {
      broker.stream(NAME).deleteMessage(sequence);
      return done;
    },
    deleteStream: () => {
      broker.deleteStream(NAME);
      return done;
    },
    accept: (bytes) => {
      broker.maxPayloadBytes = bytes;
    },
  });
}

/** Runs a case on the real and on the simulated broker, to prove that the simulation does what JetStream does. */
function contract(name: string, run: (t: Test, world: BrokerWorld) => Promise<void>): void {
  t.test(`nats-server: ${name}`, { skip: withoutNats }, async (t) => {
    await run(t, await realWorld(t));
  });
  t.test(`the simulated broker: ${name}`, async (t) => {
    await run(t, await simulatedWorld(t));
  });
}

/** Makes a stream with one message of each of these subjects, in order. */
async function filled(world: BrokerWorld, ids: readonly string[]): Promise<Broker> {
  const broker = await world.connect();
  await broker.ensureStream(SPEC);
  for (const [i, id] of ids.entries()) await broker.append(subject(id), bytes(`${id}${String(i + 1)}`), i, 5_000);
  return broker;
}

/** Reads a stream and collects its messages. */
class Reading {
  readonly deliveries: Delivery[] = [];
  ended: string | undefined;
  reader: Reader | undefined;

  static async of(broker: Broker, start: FeedStart): Promise<Reading> {
    const reading = new Reading();
    reading.reader = await broker.read(SPEC, start, {
      message: (delivery) => reading.deliveries.push(delivery),
      ended: (why) => (reading.ended ??= why),
    });
    return reading;
  }

  /** Each message as text: sequence in the stream, delivery number, messages left, content. */
  async told(count: number): Promise<readonly string[]> {
    await until(`${String(count)} messages have come`, () => this.deliveries.length >= count);
    return this.deliveries.map(
      ({ sequence, number, pending, data }) =>
        `${String(sequence)} #${String(number)} +${String(pending)} ${text(data)}`,
    );
  }
}

class Sending {
  readonly receipts: Receipt[] = [];
  readonly sender;

  constructor(broker: Broker) {
    this.sender = broker.sender({
      receipt: (receipt) => this.receipts.push(receipt),
      failed: (error) => {
        throw error;
      },
    });
  }

  #count = 0;

  send(id: string, expectedLast: number, messageId = `unique-${String(++this.#count)}`, expectedLastId?: string): void {
    this.sender.send({ subject: subject(id), payload: bytes(id), expectedLast, messageId, expectedLastId });
  }

  async told(count: number): Promise<readonly string[]> {
    await until(`${String(count)} receipts have come`, () => this.receipts.length >= count);
    return this.receipts.map((receipt) =>
      receipt.is === 'stored' ? `stored ${String(receipt.sequence)}` : receipt.is,
    );
  }
}

contract('there is no stream until it is made, and then it is empty', async (t, world) => {
  const broker = await world.connect();
  t.equal(await broker.findStream(NAME), undefined);
  const { firstSequence, lastSequence, messages } = await broker.ensureStream(SPEC);
  t.strictSame({ firstSequence, lastSequence, messages }, { firstSequence: 0, lastSequence: 0, messages: 0 });
  t.equal(await broker.findMessage(NAME, { lastOf: subject('a') }), undefined);
});

contract('a message is appended only after the one that is expected', async (t, world) => {
  const broker = await filled(world, ['a', 'b']);
  await t.rejects(broker.append(subject('c'), bytes('c'), 1, 5_000), { name: 'WrongSequenceError' });
  t.equal(await broker.append(subject('c'), bytes('c'), 2, 5_000), 3);
});

contract('of messages that are sent without waiting, all that follow a refused one are refused', async (t, world) => {
  const sending = new Sending(await filled(world, ['a']));
  for (const expected of [1, 5, 2]) sending.send('b', expected);
  sending.send('b', 6);
  t.strictSame(await sending.told(4), ['stored 2', 'wrong-sequence', 'stored 3', 'wrong-sequence']);
});

contract('a message that expects another before it is refused where anybody else has written', async (t, world) => {
  const broker = await filled(world, ['a']);
  const sending = new Sending(broker);
  sending.send('b', 1, 'first');
  sending.send('b', 2, 'second', 'first');
  await sending.told(2);
  await broker.append(subject('c'), bytes('somebody else'), 3, 5_000);
  sending.send('b', 3, 'third', 'second');
  sending.send('b', 4, 'fourth', 'third');
  t.strictSame(await sending.told(4), ['stored 2', 'stored 3', 'wrong-sequence', 'wrong-sequence']);
});

contract(
  // If another sequence is expected, versions of NATS differ in which of the two they look at first.
  'a message whose id the stream knows is answered with its sequence',
  async (t, world) => {
    const broker = await filled(world, ['a']);
    const sending = new Sending(broker);
    sending.send('b', 1, 'id-1');
    sending.send('c', 2, 'id-2');
    sending.send('b', 3, 'id-1');
    sending.send('d', 3, 'id-2');
    t.strictSame(await sending.told(4), ['stored 2', 'stored 3', 'stored 2', 'stored 3']);
    t.equal((await broker.findStream(NAME))?.messages, 3);
  },
);

contract('a subject that no stream takes is unheard', async (t, world) => {
  const sending = new Sending(await world.connect());
  sending.send('a', 0);
  t.strictSame(await sending.told(1), ['unheard']);
});

contract('what is beyond the limit goes, the oldest first', async (t, world) => {
  const broker = await filled(world, ['a', 'b', 'c', 'd']);
  await broker.ensureStream({ ...SPEC, limits: { ...SPEC.limits, maxMessages: 2 } });
  const { firstSequence, lastSequence, messages } = (await broker.findStream(NAME))!;
  t.strictSame({ firstSequence, lastSequence, messages }, { firstSequence: 3, lastSequence: 4, messages: 2 });
  t.equal(await broker.findMessage(NAME, { sequence: 2 }), undefined);
  t.equal(text((await broker.findMessage(NAME, { sequence: 3 }))!.data), 'c3');
});

contract('a reader is sent what is there from its place on, and then what comes', async (t, world) => {
  const broker = await filled(world, ['a', 'b', 'c']);
  const reading = await Reading.of(broker, { from: 2 });
  t.strictSame(await reading.told(2), ['2 #1 +1 b2', '3 #2 +0 c3']);
  await broker.append(subject('d'), bytes('d'), 3, 5_000);
  t.strictSame((await reading.told(3)).slice(2), ['4 #3 +0 d']);
});

contract('a reader of the last of each subject is sent those, and then what comes', async (t, world) => {
  const broker = await filled(world, ['a', 'b', 'a', 'c', 'b']);
  const reading = await Reading.of(broker, 'last-per-subject');
  t.strictSame(await reading.told(3), ['3 #1 +2 a3', '4 #2 +1 c4', '5 #3 +0 b5']);
  await broker.append(subject('a'), bytes('a'), 5, 5_000);
  t.strictSame((await reading.told(4)).slice(3), ['6 #4 +0 a']);
});

contract(
  'a reader that begins where the stream has not come, or no longer is, is sent what there is',
  async (t, world) => {
    const broker = await filled(world, ['a', 'b', 'c']);
    const early = await Reading.of(broker, { from: 4 });
    await broker.ensureStream({ ...SPEC, limits: { ...SPEC.limits, maxMessages: 1 } });
    const late = await Reading.of(broker, { from: 1 });
    t.strictSame(await late.told(1), ['3 #1 +0 c3']);
    await broker.append(subject('d'), bytes('d'), 3, 5_000);
    t.strictSame(await early.told(1), ['4 #1 +0 d']);
  },
);

contract('a purged stream goes on counting, and its readers with it', async (t, world) => {
  const broker = await filled(world, ['a', 'b']);
  const reading = await Reading.of(broker, { from: 1 });
  await reading.told(2);
  await world.purge();
  const { firstSequence, lastSequence, messages } = (await broker.findStream(NAME))!;
  t.strictSame({ firstSequence, lastSequence, messages }, { firstSequence: 3, lastSequence: 2, messages: 0 });
  t.equal(await broker.append(subject('c'), bytes('c'), 2, 5_000), 3);
  t.strictSame((await reading.told(3)).slice(2), ['3 #3 +0 c']);
});

contract('a message that was deleted is passed over, and the reader is not told', async (t, world) => {
  const broker = await filled(world, ['a', 'b', 'c']);
  t.equal(await broker.countDeleted(NAME, 1), 0, 'none yet');
  await world.deleteMessage(2);
  const reading = await Reading.of(broker, { from: 1 });
  t.strictSame(await reading.told(2), ['1 #1 +1 a1', '3 #2 +0 c3']);
  t.equal((await broker.findStream(NAME))?.messages, 2);
  t.equal(await broker.countDeleted(NAME, 1), 1);
  t.equal(await broker.countDeleted(NAME, 3), 0, 'and can be counted');
});

contract('the readers of a stream that is deleted end; made anew it begins at one', async (t, world) => {
  const broker = await filled(world, ['a', 'b']);
  const reading = await Reading.of(broker, { from: 1 });
  await reading.told(2);
  await world.deleteStream();
  await until('it has ended', () => reading.ended !== undefined);
  t.equal(await broker.findStream(NAME), undefined);
  await t.rejects(broker.findMessage(NAME, { lastOf: subject('a') }), /stream not found/);
  await broker.ensureStream(SPEC);
  t.equal(await broker.append(subject('c'), bytes('c'), 0, 5_000), 1);
});

contract('a question is answered by whoever listens; where nobody does, it is refused at once', async (t, world) => {
  const [asks, answers] = [await world.connect(), await world.connect()];
  await t.rejects(asks.request('contract.ask', 'x', 60_000));
  const stop = answers.subscribe('contract.ask', (message) => {
    message.respond(`${text(message.data)} answered`);
  });
  await answers.findStream(NAME);
  t.equal(text(await asks.request('contract.ask', 'x', 60_000)), 'x answered');
  stop();
  answers.subscribe('contract.ask', () => undefined);
  await answers.findStream(NAME);
  await t.rejects(asks.request('contract.ask', 'x', 50), /time/i);
});

contract('a broker that is killed breaks the connection, and has what it had when it is back', async (t, world) => {
  const broker = await filled(world, ['a', 'b']);
  const sending = new Sending(broker);
  sending.send('c', 2, 'id-3');
  await sending.told(1);
  const heard: string[] = [];
  broker.subscribe('contract.alive', ({ data }) => heard.push(text(data)));
  const states: string[] = [];
  broker.watchConnection((state) => states.push(state));
  await world.kill();
  await until('it has broken', () => states.includes('broken'));
  await world.start();
  await until('it is back', () => states.includes('back'));
  t.strictSame(states, ['broken', 'back']);
  await until('the stream is there', async () => (await broker.findStream(NAME).catch(() => undefined)) !== undefined);
  t.equal((await broker.findStream(NAME))?.lastSequence, 3);
  sending.send('c', 3, 'id-3');
  t.strictSame((await sending.told(2)).slice(1), ['stored 3'], 'and it knows the ids of its messages');
  broker.publish('contract.alive', 'x');
  await until('what was subscribed to is heard again', () => heard.length > 0);
});

contract('a connection knows the largest message as it was when it was made', async (t, world) => {
  const broker = await world.connect();
  const states: string[] = [];
  broker.watchConnection((state) => states.push(state));
  world.accept(2_000_000);
  await until('a new connection is told', async () => {
    const second = await world.connect();
    const { maxPayloadBytes } = second;
    await second.close();
    return maxPayloadBytes === 2_000_000;
  });
  t.equal(broker.maxPayloadBytes, 1_048_576);
  broker.reconnect();
  await until('it is back', () => states.includes('back'));
  t.strictSame([...states, broker.maxPayloadBytes], ['broken', 'back', 2_000_000]);
  world.accept(1_000);
  await until('a message that is too large breaks it', () => {
    if (states.length === 2) broker.publish('contract.large', 'x'.repeat(1_001));
    return states.length === 4;
  });
  t.strictSame([...states.slice(2), broker.maxPayloadBytes], ['broken', 'back', 1_000]);
});

contract('a connection that was closed answers nothing more', async (t, world) => {
  const broker = await filled(world, ['a']);
  await broker.close();
  await t.rejects(broker.findStream(NAME));
});
