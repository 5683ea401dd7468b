import t, { type Test } from 'tap';
import { connect, type BusEvent } from '../../../../client/sdk/index.js';
import { HttpClient, readServerSentEvents } from '../../../support/http-client.js';
import { SlowReader } from '../../../support/slow-reader.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { until } from '../../../support/until.js';

const NDJSON = { accept: 'application/x-ndjson' };
const PADDING = 'x'.repeat(12_000);

const withoutTime = (event: BusEvent) => ({ ...event, timestamp: '' });

for (const transport of ['uws', 'ws'] as const) {
  const serve = async (t: Test, options = {}) => {
    const repository = new ServedRepository({ transport, ...options });
    t.teardown(() => repository.stop());
    const endpoint = await repository.start();
    const client = new HttpClient(endpoint);
    t.teardown(() => client.close());
    return { repository, endpoint, client };
  };

  t.test(`over ${transport}: the current records first, then synced, then every change`, async (t) => {
    const { repository, client } = await serve(t);
    for (const id of ['t1', 't2']) repository.rename('task', id, { id });
    await allIsRead(repository.root);
    const stream = await client.stream('/events');
    t.match(stream.response.headers.get('content-type'), /^text\/event-stream/);
    await stream.untilText('event: synced');
    t.ok(stream.text.startsWith('retry: 1000\n\n'));
    const [first, last, synced] = stream.events;
    t.match(
      first,
      { event: 'message', lastEventId: '', data: { event_type: 'snapshot', id: 't1' } },
      'no place inside',
    );
    t.match(last, { event: 'message', data: { event_type: 'snapshot', id: 't2' } });
    t.equal(synced?.event, 'synced');
    t.equal(synced?.data['cursor'], synced?.lastEventId);
    t.equal(last?.data['cursor'], synced?.lastEventId, 'the last of a snapshot has the place of the whole');

    repository.rename('task', 't3', {});
    await stream.untilText('"added"');
    const added = stream.events.at(-1);
    t.match(added, { event: 'message', data: { event_type: 'added', id: 't3' } });
    t.equal(added?.lastEventId, added?.data['cursor']);
  });

  t.test(`over ${transport}: a query narrows events and records, and the cap counts what is left`, async (t) => {
    const { repository, client } = await serve(t);
    repository.rename('task', 't1', { run_id: 'agent-1', branch: 'main' });
    repository.rename('task', 't2', { run_id: 'agent-2', branch: 'dev' });
    repository.rename('claim', 'c1', { run_id: 'agent-3', task_id: 't1' });
    await allIsRead(repository.root);
    const query = `query=${encodeURIComponent('run:agent-1 OR kind:claim')}`;
    const records = (await (await client.get(`/records?${query}`)).json()) as BusEvent[];
    t.strictSame(
      records.map(({ id }) => id),
      ['t1', 'c1'],
    );
    const stream = await client.stream(`/events?max_events=4&${query}`);
    await stream.untilText('event: synced');
    repository.rename('task', 't2', { run_id: 'agent-2', branch: 'main' });
    await allIsRead(repository.root);
    repository.rename('task', 't1', { run_id: 'agent-1', branch: 'dev' });
    repository.rename('claim', 'c2', { run_id: 'agent-3', task_id: 't1' });
    repository.rename('claim', 'c3', { run_id: 'agent-3', task_id: 't1' });
    await stream.untilText('event: complete');
    t.strictSame(
      stream.events.map(({ event, data }) => (event === 'message' ? data['id'] : event)),
      ['t1', 'c1', 'synced', 't1', 'c2', 'complete'],
    );
    t.strictSame(stream.events.at(-1)?.data, { reason: 'max_events', delivered: 4 });
    const wrong = await client.get(`/events?query=${encodeURIComponent('run:agent-1 rev:many')}`);
    t.equal(wrong.status, 400);
    t.match(await wrong.text(), /^query: “many” is not a number.*\nrun:agent-1 rev:many\n {16}\^\n$/);
  });

  t.test(`over ${transport}: Last-Event-ID resumes without a gap or a duplicate`, async (t) => {
    const { repository, client } = await serve(t);
    const first = await client.stream('/events');
    await first.untilText('event: synced');
    repository.rename('task', 't1', {});
    await first.untilText('"t1"');
    const { lastEventId } = first.events.at(-1)!;
    first.leave();
    repository.rename('task', 't2', {});
    repository.rename('task', 't3', {});
    const second = await client.stream('/events?since=Other:7', { 'last-event-id': lastEventId });
    await second.untilText('event: synced');
    const ids = second.events.filter(({ event }) => event === 'message').map(({ data }) => data['id']);
    t.same(ids, ['t2', 't3']);
  });

  t.test(
    `over ${transport}: a cursor that history no longer reaches is answered with resync and its reason`,
    async (t) => {
      const { repository, client } = await serve(t);
      repository.rename('task', 't1', {});
      const stream = await client.stream('/events?since=Elsewhere:3', NDJSON);
      await stream.untilText('synced');
      t.same(stream.lines[0], { type: 'resync', reason: 'epoch' });
      t.match(stream.lines.at(-1), { type: 'synced', cursor: String });
    },
  );

  t.test(`over ${transport}: the reply ends after exactly max_events events`, async (t) => {
    const { repository, client } = await serve(t);
    repository.rename('task', 't0', {});
    await allIsRead(repository.root);
    const stream = await client.stream('/events?max_events=3', NDJSON);
    await stream.untilText('synced');
    for (let i = 1; i < 20; i++) repository.rename('task', `t${String(i)}`, {});
    await stream.untilEnd();
    const events = stream.lines.filter((line) => 'event_type' in line);
    t.equal(events.length, 3);
    t.same(stream.lines.at(-1), { type: 'complete', reason: 'max_events', delivered: 3 });

    const sse = await client.stream('/events?max_events=1');
    await sse.untilEnd();
    t.same(
      sse.events.map(({ event }) => event),
      ['message', 'complete'],
    );
  });

  t.test(`over ${transport}: filters apply, and snapshot=none sends no snapshot`, async (t) => {
    const { repository, client } = await serve(t);
    repository.rename('task', 't1', { run_id: 'a' });
    const stream = await client.stream('/events?run_id=a&kind=task&snapshot=none', NDJSON);
    await stream.untilText('synced');
    repository.rename('task', 't2', { run_id: 'b' });
    repository.rename('task', 't3', { run_id: 'a' });
    await stream.untilText('"t3"');
    t.match(stream.lines, [{ type: 'synced' }, { event_type: 'added', id: 't3' }]);
  });

  t.test(`over ${transport}: heartbeats advance the cursor even if no event matches`, async (t) => {
    const { repository, client } = await serve(t, { heartbeatMs: 20 });
    const sse = await client.stream('/events?run_id=nobody');
    const lines = await client.stream('/events?run_id=nobody', NDJSON);
    await sse.untilText('event: synced');
    repository.rename('task', 't1', {});
    await sse.untilText(/: heartbeat\nid: \w+:1\n\n/);
    await lines.untilText(/"type":"heartbeat","cursor":"\w+:1"/);
    t.equal(sse.events.length, 1, 'a heartbeat is no event');
  });

  t.test(`over ${transport}: a stopping server ends its streams with complete`, async (t) => {
    const { repository, client } = await serve(t);
    const stream = await client.stream('/events', NDJSON);
    await stream.untilText('synced');
    await repository.server.stop();
    await stream.untilEnd();
    t.same(stream.lines.at(-1), { type: 'complete', reason: 'shutdown', delivered: 0 });
  });

  t.test(
    `over ${transport}: a client that stops reading lags, delays no other client, and misses no event`,
    async (t) => {
      const { repository, endpoint, client } = await serve(t, { limits: { maxQueuedBytes: 65_536 } });
      const bus = await connect({ root: repository.root });
      t.teardown(() => bus.close());
      const slow = await SlowReader.begin(`${client.base}/events`, endpoint.token);
      const fast = await SlowReader.begin(`${client.base}/events`, endpoint.token);
      fast.goOn();
      const count = 1_200;
      for (let i = 0; i < count; i++) {
        repository.inPlace('task', `t${String(i)}`, { i, padding: PADDING });
        if (i % 100 === 0) await bus.sync();
      }
      await bus.sync();
      repository.rename('task', 'end', {});
      await until('the fast reader has everything', () => fast.tail.includes('"id":"end"'));
      const { connections } = await bus.inspect('overview');
      const lagging = connections
        .flatMap(({ subscriptions }) => subscriptions)
        .filter(({ state }) => state === 'lagging');
      t.equal(lagging.length, 1, 'the one that stopped is lagging');
      const queued = connections.map(({ queued_bytes }) => queued_bytes);
      t.ok(Math.max(...queued) < 2_000_000, `what waits for it is bounded: ${queued.join(', ')}`);
      slow.goOn();
      await until('the slow reader has everything', () => slow.tail.includes('"id":"end"'));
      const events = readServerSentEvents(slow.text).filter(({ event }) => event === 'message');
      const revisions = events.map(({ data }) => (data as unknown as BusEvent).revision);
      const inOrder = [...new Set(revisions)].sort((a, b) => a - b);
      t.same(revisions, inOrder, 'in order, none twice');
      t.equal(new Set(events.map(({ data }) => data['id'])).size, count + 1);
      slow.leave();
      await until('it is forgotten when it leaves', () => repository.server.bus.connectionCount === 2);
    },
  );

  t.test(`over ${transport}: the events are the same as those of the SDK`, async (t) => {
    const { repository, client } = await serve(t);
    repository.rename('task', 't1', { n: 1 });
    await using bus = await connect({ root: repository.root });
    await bus.sync();
    const stream = await client.stream('/events?max_events=4', NDJSON);
    const subscription = bus.subscribe({}, { maxEvents: 4 });
    await stream.untilText('synced');
    await bus.sync();
    repository.rename('task', 't1', { n: 2 });
    await bus.sync();
    repository.remove('task', 't1');
    await bus.sync();
    repository.rename('task', 't2', { n: 3 });
    const seen: BusEvent[] = [];
    for await (const event of subscription) seen.push(event);
    await stream.untilEnd();
    const events = stream.lines.filter((line) => 'event_type' in line) as unknown as BusEvent[];
    t.same(events.map(withoutTime), seen.map(withoutTime));
  });
}

/** Waits until everything on disk is in the stream. */
async function allIsRead(root: string): Promise<void> {
  await using bus = await connect({ root });
  await bus.sync();
}
