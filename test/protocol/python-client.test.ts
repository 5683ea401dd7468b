import t from 'tap';
import type { Test } from 'tap';
import { PythonClient, whyNoPython } from '../support/python/python-client.js';
import { ServedRepository } from '../support/served-repository.js';

const skip = whyNoPython() ?? false;

interface Served {
  readonly repository: ServedRepository;
  readonly python: PythonClient;
}

async function served(
  t: Test,
  encoding: 'msgpack' | 'json' = 'msgpack',
  tokenIn: 'header' | 'subprotocol' = 'header',
): Promise<Served> {
  const repository = new ServedRepository({ heartbeatMs: 50 });
  await repository.start();
  const python = new PythonClient(repository.endpointFile, encoding, tokenIn);
  t.teardown(async () => {
    await python.stop();
    await repository.stop();
  });
  return { repository, python };
}

const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();

for (const [encoding, tokenIn] of [
  ['msgpack', 'header'],
  ['json', 'subprotocol'],
] as const) {
  t.test(`a client written from PROTOCOL.md follows a record through its life, in ${encoding}`, { skip }, async (t) => {
    const { repository, python } = await served(t, encoding, tokenIn);
    repository.rename('task', 't1', { title: 'first' });
    await python.line({ message: 'welcome', protocol: 1 });
    python.do({ do: 'sync', nonce: 1, kind: 'task', id: 't1' });
    await python.line({ message: 'sync done', nonce: 1 });
    python.do({ do: 'subscribe', sub: 1 });
    await python.line({ message: 'synced', sub: 1 });
    t.same(python.events(1), ['snapshot task t1']);

    repository.inPlace('task', 't1', { title: 'second' });
    await python.line({ event_type: 'modified', id: 't1' });
    repository.remove('task', 't1');
    await python.line({ event_type: 'removed', id: 't1' });
    repository.rename('reservation', 'r1', { run_id: 'a', expires_at: soon(1_000) });
    await python.line({ event_type: 'expired', id: 'r1' });
    repository.raw('claim', 'c1', '{"task_id":');
    await python.line({ event_type: 'added', id: 'c1' });
    t.same(python.events(1), [
      'snapshot task t1',
      'modified task t1',
      'removed task t1 deleted',
      'added reservation r1',
      'expired reservation r1 ttl',
      'added claim c1 invalid-json',
    ]);
  });
}

t.test('a subscription with a filter receives the records that start and stop matching it', { skip }, async (t) => {
  const { repository, python } = await served(t);
  python.do({ do: 'subscribe', sub: 5, options: { filter: { kinds: ['reservations'], addresses: ['src/**'] } } });
  await python.line({ message: 'synced', sub: 5 });
  repository.rename('reservation', 'r1', { addresses: ['lib/a.py::f'] });
  repository.rename('intent', 'i1', { addresses: ['src/a.py::f'] });
  python.do({ do: 'sync', nonce: 1 });
  await python.line({ message: 'sync done', nonce: 1 });
  repository.rename('reservation', 'r1', { addresses: ['src/a.py::f'] });
  await python.line({ event_type: 'added', id: 'r1' });
  repository.rename('reservation', 'r1', { addresses: ['lib/a.py::f', 'doc/b.md'] });
  const left = await python.line({ event_type: 'removed', id: 'r1' });
  t.equal(left['reason'], 'left-filter');
  t.same(left['data'], { addresses: ['src/a.py::f'] }, 'with the last data that passed');
  t.same(
    python.events(5),
    ['added reservation r1 no-expiry', 'removed reservation r1 left-filter no-expiry'],
    'and a reservation that never says when it ends is marked so',
  );
});

t.test('a cap ends after exactly that many events, inside the snapshot or after it', { skip }, async (t) => {
  const { repository, python } = await served(t);
  for (const id of ['a', 'b', 'c']) repository.rename('task', id, { id });
  python.do({ do: 'sync', nonce: 1 });
  await python.line({ message: 'sync done' });
  python.do({ do: 'subscribe', sub: 1, options: { max_events: 2 } });
  python.do({ do: 'subscribe', sub: 2, options: { max_events: 5 } });
  t.equal((await python.line({ message: 'complete', sub: 1 }))['delivered'], 2);
  await python.line({ message: 'synced', sub: 2 });
  for (const id of ['d', 'e', 'f', 'g']) repository.rename('task', id, { id });
  t.match(await python.line({ message: 'complete', sub: 2 }), { reason: 'max_events', delivered: 5 });
  python.do({ do: 'sync', nonce: 2 });
  await python.line({ message: 'sync done', nonce: 2 });
  t.equal(python.events(1).length, 2);
  t.equal(python.events(2).length, 5);
});

t.test('the client understands a barrier, a ping, errors, heartbeats and a shutdown', { skip }, async (t) => {
  const { repository, python } = await served(t);
  await python.line({ message: 'welcome' });
  const refusals = [
    { command: { do: 'subscribe', sub: 1, options: { filter: { kind: ['task'] } } }, code: 'bad-option', sub: 1 },
    { command: { do: 'subscribe', sub: 2, options: { max_events: 0 } }, code: 'bad-option', sub: 2 },
    { command: { do: 'unsubscribe', sub: 3 }, code: 'unknown-subscription', sub: 3 },
    { command: { do: 'raw', message: [99] }, code: 'bad-message', sub: null },
    { command: { do: 'sync', nonce: 1, kind: 'thing', id: 'x' }, code: 'bad-option', sub: null },
  ];
  for (const { command, code, sub } of refusals) {
    const from = python.lines.length;
    python.do(command);
    t.match(await python.line({ message: 'error', code }, from), { sub }, JSON.stringify(command));
  }
  python.do({ do: 'subscribe', sub: 1, options: { filter: { ids: ['nothing'] } } });
  await python.line({ message: 'synced', sub: 1 });
  python.do({ do: 'subscribe', sub: 1 });
  await python.line({ message: 'error', code: 'duplicate-subscription', sub: 1 });

  repository.rename('task', 't1', {});
  python.do({ do: 'sync', nonce: 9, kind: 'task', id: 't1' });
  const done = await python.line({ message: 'sync done', nonce: 9 });
  const revision = Number(String(done['cursor']).split(':')[1]);
  await python.line({ message: 'heartbeat', revision, healthy: true });
  python.do({ do: 'ping', nonce: 10 });
  await python.line({ message: 'pong', nonce: 10 });
  python.do({ do: 'unsubscribe', sub: 1 });
  await python.line({ message: 'complete', sub: 1, reason: 'unsubscribed', delivered: 0 });

  python.do({ do: 'subscribe', sub: 1 });
  await python.line({ message: 'synced', sub: 1, revision });
  await repository.server.stop();
  await python.line({ message: 'complete', sub: 1, reason: 'shutdown', delivered: 1 });
  await python.line({ message: 'closed', code: 1001, reason: 'shutdown retry=500' });
});

t.test('a cursor resumes after its position, or the answer says why it cannot be used', { skip }, async (t) => {
  const { repository, python } = await served(t);
  const welcome = await python.line({ message: 'welcome' });
  python.do({ do: 'subscribe', sub: 1 });
  const { revision } = await python.line({ message: 'synced', sub: 1 });
  const cursor = `${String(welcome['epoch'])}:${String(revision)}`;
  repository.rename('task', 't1', { n: 1 });
  await python.line({ event_type: 'added', id: 't1' });
  repository.remove('task', 't1');
  await python.line({ event_type: 'removed', id: 't1' });

  python.do({ do: 'subscribe', sub: 2, options: { since: cursor } });
  await python.line({ message: 'subscribed', sub: 2, mode: 'replay', cursor });
  await python.line({ message: 'synced', sub: 2 });
  t.same(python.events(2), ['added task t1', 'removed task t1 deleted']);
  for (const [sub, since, why] of [
    [3, 'other:1', 'epoch'],
    [4, `${String(welcome['epoch'])}:999`, 'future'],
  ] as const) {
    python.do({ do: 'subscribe', sub, options: { since } });
    await python.line({ message: 'subscribed', sub, mode: 'resync', why });
    await python.line({ message: 'synced', sub });
  }
});

t.test('a thousand changes reach two subscriptions of one connection without a gap', { skip }, async (t) => {
  const { repository, python } = await served(t);
  python.do({ do: 'subscribe', sub: 1, options: { filter: { kinds: ['task'] } } });
  python.do({ do: 'subscribe', sub: 2, options: { filter: { kinds: ['task'] } } });
  await python.line({ message: 'synced', sub: 2 });
  for (let n = 0; n < 1_000; n++) repository.rename('task', `t${String(n)}`, { n });
  python.do({ do: 'sync', nonce: 1 });
  await python.line({ message: 'sync done', nonce: 1 });
  t.equal(python.events(1).length, 1_000);
  t.same(python.events(2), python.events(1));
});
