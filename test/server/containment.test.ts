import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { CloseCode, MessageType, type RecordData } from '../../protocol/index.js';
import { RecordReader } from '../../server/watch/record-reader.js';
import { Repository } from '../support/repository-on-disk.js';
import { serve, TRANSPORTS, type Running } from '../support/running-server.js';
import { HttpClient } from '../support/http-client.js';
import { untilFound } from '../support/until.js';
import { RawClient } from '../support/raw-client.js';

const fails = (): never => {
  throw new Error('planted\nand a secret');
};

/** Data that makes one step throw. No file can contain it, so it is planted behind the parser. */
const TRAPS: Readonly<Record<string, () => RecordData>> = {
  // Reading: the fields that filters and leases use.
  'trap-read': fails,
  'trap-apply': () => Object.defineProperty({}, 'run_id', { enumerable: true, get: fails }),
  'trap-lease': () => Object.defineProperty({}, 'expires_at', { enumerable: true, get: fails }),
  'trap-pack': () => Object.defineProperty({}, 'other', { enumerable: true, get: fails }),
};

/** Makes the reader return a trap for each record with a trap's id. */
function plantTraps(t: Test, traps: Readonly<Record<string, () => RecordData>>): void {
  const read = Object.getOwnPropertyDescriptor(RecordReader.prototype, 'read')!.value as RecordReader['read'];
  t.teardown(() => (RecordReader.prototype.read = read));
  RecordReader.prototype.read = function (kind, id) {
    const reading = read.call(this, kind, id);
    const trap = traps[id];
    return trap && reading.is === 'present' ? { ...reading, data: trap() } : reading;
  };
}

const eventsOf = (client: RawClient, ...types: number[]) =>
  client.messages.filter(([type]) => types.includes(type as number)).flatMap((message) => message[3] as unknown[][]);
const problemsOf = (client: RawClient, ...types: number[]) =>
  new Map(eventsOf(client, ...types).map(([, , , id, , , , problem]) => [id as string, problem ?? undefined]));

async function subscribed(running: Running, encoding: 'msgpack' | 'json' = 'msgpack') {
  const client = await RawClient.welcomed(running.endpoint, { encoding });
  client.send([MessageType.subscribe, 1]);
  await client.received(MessageType.synced);
  return client;
}

for (const transport of TRANSPORTS) {
  t.test(`${transport}: an error in one record affects only that record`, async (t) => {
    plantTraps(t, TRAPS);
    const repository = new Repository();
    repository.record('task', 'good-early', { run_id: 'r' });
    repository.record('reservation', 'trap-apply', { early: true });
    const running = await serve(t, { transport }, repository);
    const clients = [await subscribed(running, 'msgpack'), await subscribed(running, 'json')];
    for (const id of Object.keys(TRAPS)) repository.record('reservation', id, { id });
    repository.record('task', 'good-late', { run_id: 'r' });
    for (const client of clients) {
      await untilFound('the good one and the bad ones', () => eventsOf(client, MessageType.events).length >= 4);
      const told = problemsOf(client, MessageType.batch, MessageType.events);
      for (const id of Object.keys(TRAPS)) t.equal(told.get(id), 'unprocessable', id);
      t.equal(told.get('good-early'), undefined);
      t.ok(told.has('good-late'));
    }
    const { log, endpoint, server } = running;
    const sha256 = createHash('sha256')
      .update(JSON.stringify({ id: 'trap-pack' }))
      .digest('hex');
    t.ok(
      log.has('error unforeseen', 'trap-pack', `"bytes":18`, sha256, 'Error: planted'),
      'one line with a fingerprint',
    );
    t.notOk(log.has('secret'), 'and nothing of what it holds');
    t.same(new Set(server.bus.problems().map(({ id }) => id)), new Set(Object.keys(TRAPS)));
    const metrics = await (await new HttpClient(endpoint).get('/metrics')).text();
    t.match(metrics, /muse_bus_unforeseen_total [1-9]/);
    for (const id of Object.keys(TRAPS)) repository.remove('reservation', id);
    await untilFound('they are gone', () => server.bus.problems().length === 0);
    for (const client of clients) client.terminate();
  });

  t.test(`${transport}: an error in one connection ends it, and the others are served in the same turn`, async (t) => {
    const running = await serve(t, { transport });
    const clients = [await subscribed(running), await subscribed(running), await subscribed(running)];
    const [, victim] = [...running.server.bus.sessions];
    Object.assign(victim!.port.socket, { send: fails });
    running.repository.record('task', 't1', {});
    const [first, second, third] = clients as [RawClient, RawClient, RawClient];
    await untilFound('the others are told', () =>
      [first, third].every((client) => eventsOf(client, MessageType.events).length === 1),
    );
    await untilFound('the one is sent away', () => second.closed);
    t.equal(second.closed?.code, CloseCode.internal);
    running.repository.record('task', 't2', {});
    await untilFound('and go on', () =>
      [first, third].every((client) => eventsOf(client, MessageType.events).length === 2),
    );
    await untilFound('it is forgotten', () => running.server.bus.connectionCount === 2);
    first.terminate();
    third.terminate();
  });

  t.test(`${transport}: an error during catch-up, an answer or a heartbeat ends one connection at most`, async (t) => {
    const running = await serve(t, { transport, heartbeatMs: 50 });
    const controlClient = await subscribed(running);
    const { hub } = running.server.bus;
    const cut = hub.store.cut.bind(hub.store);
    hub.store.cut = fails;
    const asking = await RawClient.welcomed(running.endpoint);
    asking.send([MessageType.subscribe, 1, {}]);
    const [, sub] = await asking.received(MessageType.error, ([, , code]) => code === 'internal');
    t.equal(sub, 1, 'the answer names the subscription, so that its client does not wait for it');
    hub.store.cut = cut;
    asking.send([MessageType.subscribe, 1, {}]);
    await asking.received(MessageType.synced, ([, id]) => id === 1);
    const beaten = await RawClient.welcomed(running.endpoint);
    Object.assign([...running.server.bus.sessions].at(-1)!.port.socket, { send: fails });
    await untilFound('the one is sent away', () => beaten.closed);
    const beats = controlClient.messages.filter(([type]) => type === MessageType.heartbeat).length;
    await untilFound(
      'hearts beat on',
      () => controlClient.messages.filter(([type]) => type === MessageType.heartbeat).length > beats + 1,
    );
    t.equal(await controlClient.isAlive(), true);
    controlClient.terminate();
    asking.terminate();
  });
}
