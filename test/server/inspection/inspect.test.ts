import t from 'tap';
import { connect } from '../../../client/sdk/index.js';
import { MessageType, type Overview } from '../../../protocol/index.js';
import { RawClient } from '../../support/raw-client.js';
import { until } from '../../support/until.js';
import { ServedRepository } from '../../support/served-repository.js';

for (const transport of ['uws', 'ws'] as const) {
  t.test(`over ${transport}: an overview says who is connected, how each is served, and what is wrong`, async (t) => {
    const repository = new ServedRepository({ transport, journal: false });
    t.teardown(() => repository.stop());
    repository.rename('task', 't1', { run_id: 'a' });
    repository.raw('claim', 'c1', '{ torn');
    const endpoint = await repository.start();
    const client = await RawClient.connect(endpoint);
    t.teardown(() => client.close());
    client.send([MessageType.subscribe, 7, { filter: { kinds: ['task'] }, max_events: 5 }]);
    await client.received(MessageType.synced);
    client.send([MessageType.inspect, 3, 'overview']);
    const [, nonce, value] = await client.received(MessageType.inspection);
    t.equal(nonce, 3);
    const overview = value as Overview;
    const filter = { kinds: ['task'] };
    t.match(overview, {
      revision: 2,
      epoch: String,
      uptime_ms: Number,
      watch: { backend: String, healthy: true, last_scan_ms: Number, pending: 0, unsettled: 0 },
      journal: { state: 'off' },
      limits: { max_subscriptions: 1_000 },
      totals: { records: 2, connections: 1, subscriptions: 1, behind: 0, groups: 1, problems: 1 },
      connections: [
        {
          id: overview.you!,
          encoding: 'msgpack',
          remote: '127.0.0.1',
          since_ms: Number,
          flow: 'open',
          queued_bytes: 0,
          subscription_count: 1,
          subscriptions: [{ sub: 7, filter, max_events: 5, delivered: 1, state: 'live', behind: 0 }],
        },
      ],
      groups: [{ filter, encoding: 'msgpack', members: 1, index: 0 }],
      problems: [{ kind: 'claim', id: 'c1', problem: 'invalid-json' }],
    });
  });
}

t.test('a request that cannot be answered is refused with its nonce', async (t) => {
  const repository = new ServedRepository({ transport: 'ws' });
  t.teardown(() => repository.stop());
  const client = await RawClient.connect(await repository.start(), { encoding: 'json' });
  t.teardown(() => client.close());
  const questions: [unknown[], RegExp][] = [
    [['overvew'], /the topic must be one of overview, explain/],
    [['overview', { limt: 3 }], /did you mean limit\?/],
    [['explain', { sub: 1, filter: {}, kind: 'task', id: 'x' }], /either sub or filter/],
    [['explain', { sub: 1 }], /kind and id, or revision/],
    [['explain', { filter: { kinds: ['tusk'] }, kind: 'task', id: 'x' }], /did you mean "task"/],
  ];
  for (const [i, [question, text]] of questions.entries()) {
    client.send([MessageType.inspect, i, ...question]);
    const [type, sub, code, message, nonce] = await client.received(MessageType.error, i);
    t.same([type, sub, code, nonce], [MessageType.error, null, 'bad-option', i]);
    t.match(message, text);
  }
});

t.test('requests beyond the limit per second are refused', async (t) => {
  const repository = new ServedRepository({ transport: 'ws' });
  t.teardown(() => repository.stop());
  const client = await RawClient.connect(await repository.start());
  t.teardown(() => client.close());
  for (let i = 0; i < 120; i++) client.send([MessageType.inspect, i, 'overview']);
  await until(
    'all are answered',
    () =>
      client.messages.filter(([type]) => type === MessageType.error || type === MessageType.inspection).length === 120,
  );
  const refused = client.messages.filter(([type, , code]) => type === MessageType.error && code === 'limit');
  t.ok(refused.length > 0, `${String(refused.length)} of 120 were refused`);
});

t.test('the SDK sends a request, and returns the explanation', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  repository.rename('task', 't1', { run_id: 'a' });
  await repository.start();
  await using bus = await connect({ root: repository.root });
  t.match(await bus.inspect('overview', { limit: 1 }), { totals: { records: 1 } });
  t.match(await bus.inspect('explain', { filter: { run_ids: ['z'] }, kind: 'task', id: 't1' }), {
    verdict: 'would not match',
  });
  t.match(await bus.inspect('explain', { connection: 99, sub: 1, revision: 1 }), {
    verdict: 'unknown',
    reasons: [{ code: 'no-such-subscription' }],
  });
  await t.rejects(bus.inspect('overview', { limit: 0 }), { name: 'BusError', code: 'bad-option' });
});
