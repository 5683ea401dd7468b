import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { AddressWatch } from '../../../../client/cli/mcp/address-watch.js';
import { McpBus } from '../../../../client/cli/mcp/bus.js';
import { connect, type BusEvent } from '../../../../client/sdk/index.js';
import { FakeBus } from '../../../../client/sdk/testing.js';
import { MUSE_BUS } from '../../../support/command.js';
import { TemporaryRepository } from '../../../support/temporary-repository.js';

// They wait most of the time.
t.jobs = 4;

type Answer = Readonly<Record<string, unknown>>;
type Ask = (name: string, args?: Record<string, unknown>) => Promise<Answer>;

const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();
const lease = (address = 'src/a.py::f', ms = 60_000) => ({ run_id: 'a', addresses: [address], expires_at: soon(ms) });

/** A server in its own process, so that a test can kill it. */
async function serve(t: Test, root: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MUSE_BUS, 'serve', '--root', root, '--port', '0', '--no-journal'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  for (;;) {
    try {
      const bus = await connect({ root });
      await bus.close();
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function killed(child: ChildProcess): Promise<void> {
  const over = once(child, 'exit');
  child.kill('SIGKILL');
  await over;
}

async function modelAt(t: Test, root: string): Promise<Ask> {
  const args = [MUSE_BUS, 'mcp', '--root', root];
  const transport = new StdioClientTransport({ command: process.execPath, args, stderr: 'pipe' });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  t.teardown(() => client.close());
  return async (name, args = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: args });
    const { text } = (content as { readonly text: string }[])[0]!;
    if (isError === true) throw new Error(text);
    return JSON.parse(text) as Answer;
  };
}

function repositoryOf(t: Test): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  return repository;
}

t.test('wait_until_free answers when nobody holds the address, nor any address that it covers', async (t) => {
  const repository = repositoryOf(t);
  const ask = await modelAt(t, repository.root);
  t.same(await ask('wait_until_free', { address: 'src/a.py' }), { free: 'yes' });
  repository.rename('reservation', 'r1', lease());
  for (const address of ['src/a.py::f', 'src/a.py', './src/a.py', 'src/', 'src/*']) {
    t.match(await ask('wait_until_free', { address, timeout_s: 0 }), { free: 'no' }, address);
  }
  t.same(await ask('wait_until_free', { address: 'src/b.py', timeout_s: 0 }), { free: 'yes' });
  const waiting = ask('wait_until_free', { address: 'src/*' });
  repository.rename('release', 'x1', { reservation_id: 'r1' });
  t.same(await waiting, { free: 'yes' });
});

t.test('wait_until_free that times out names the holders, and the end and state of each lease', async (t) => {
  const repository = repositoryOf(t);
  repository.rename('reservation', 'r1', lease());
  const ask = await modelAt(t, repository.root);
  t.match(await ask('wait_until_free', { address: 'src/a.py', timeout_s: 0.1 }), {
    untrusted: String,
    free: 'no',
    holders: [{ reservation: 'r1', run_id: 'a', state: String, effective_expires_at: String, seconds_left: Number }],
  });
  await t.rejects(ask('wait_until_free', { address: '' }), /address/);
});

t.test(
  'wait_until_free continues with the files if the server is killed, and never takes its absence for free',
  async (t) => {
    const repository = repositoryOf(t);
    repository.rename('reservation', 'r1', lease());
    const child = await serve(t, repository.root);
    const ask = await modelAt(t, repository.root);
    t.match(await ask('who_holds', { address: 'src/a.py' }), { holders: [{ reservation: 'r1' }] });
    const waiting = ask('wait_until_free', { address: 'src/a.py' });
    await killed(child);
    t.match(await ask('wait_until_free', { address: 'src/a.py', timeout_s: 0 }), { free: 'no' });
    repository.rename('release', 'x1', { reservation_id: 'r1' });
    t.same(await waiting, { free: 'yes' });
  },
);

t.test(
  'a ticket tells that the address was free between two calls, also if a call in between was dropped',
  async (t) => {
    const repository = repositoryOf(t);
    repository.rename('reservation', 'r1', lease());
    await serve(t, repository.root);
    const ask = await modelAt(t, repository.root);
    const first = await ask('wait_until_free', { address: 'src/a.py', timeout_s: 0 });
    t.match(first, { free: 'no', ticket: /^w-/, holders: [{ reservation: 'r1' }] });
    const { ticket } = first;
    t.notOk('was_free_at' in (await ask('wait_until_free', { ticket, timeout_s: 0 })), 'it was held all the time');
    const bus = await connect({ root: repository.root });
    t.teardown(() => bus.close());
    repository.remove('reservation', 'r1');
    await bus.sync();
    // Something that the model sees only after the wait has seen the change.
    t.match(await ask('who_holds', { address: 'src/a.py' }), { holders: [] });
    repository.rename('reservation', 'r2', lease());
    await bus.sync();
    const later = await ask('wait_until_free', { ticket, timeout_s: 0 });
    t.match(later, { free: 'no', ticket, was_free_at: /^20/, holders: [{ reservation: 'r2' }] });
    repository.remove('reservation', 'r2');
    t.match(await ask('wait_until_free', { ticket, timeout_s: 20 }), { free: 'yes' });
    await t.rejects(ask('wait_until_free', { ticket: 'w-none' }), /no ticket/);
    await t.rejects(ask('wait_until_free', { ticket, address: 'b.py' }), /is for src\/a\.py/);
    await t.rejects(ask('wait_until_free', {}), /needs an address or a ticket/);
  },
);

t.test('wait_until_free answers unknown, and since when, if the server hangs', async (t) => {
  const repository = repositoryOf(t);
  const child = await serve(t, repository.root);
  const ask = await modelAt(t, repository.root);
  t.same(await ask('wait_until_free', { address: 'src/a.py' }), { free: 'yes' });
  child.kill('SIGSTOP');
  repository.rename('reservation', 'r1', lease());
  const answer = await ask('wait_until_free', { address: 'src/a.py', timeout_s: 0.1 });
  t.same(answer, { free: 'unknown', away_since: answer['away_since'] });
  t.match(answer['away_since'], /^\d{4}-.*Z$/);
  child.kill('SIGCONT');
  t.match(await ask('wait_until_free', { address: 'src/a.py', timeout_s: 0 }), { free: 'no' });
});

t.test(
  'wait_for_change by address reports a release, an extension, an expiry and a removal below the address',
  async (t) => {
    const repository = repositoryOf(t);
    repository.rename('reservation', 'r1', lease());
    const ask = await modelAt(t, repository.root);
    let { cursor } = await ask('snapshot');
    const changes = async (): Promise<unknown> => {
      const answer = await ask('wait_for_change', { address: 'src/a.py', cursor });
      cursor = answer['cursor'];
      t.match(answer, { untrusted: String });
      return answer['changes'];
    };
    repository.rename('release', 'other', { reservation_id: 'elsewhere' });
    repository.rename('heartbeat', 'h1', { reservation_id: 'r1', extended_expires_at: soon(90_000) });
    t.match(await changes(), [{ type: 'added', kind: 'heartbeat', id: 'h1' }]);
    repository.rename('release', 'x1', { reservation_id: 'r1' });
    t.match(await changes(), [{ type: 'added', kind: 'release', id: 'x1' }]);
    repository.rename('reservation', 'r2', lease('src/a.py::g', 2_000));
    t.match(await changes(), [{ type: 'added', kind: 'reservation', id: 'r2' }]);
    t.match(await changes(), [{ type: 'expired', kind: 'reservation', id: 'r2' }]);
    repository.remove('reservation', 'r1');
    t.match(await changes(), [{ type: 'removed', kind: 'reservation', id: 'r1' }]);
  },
);

t.test('wait_for_change reports that the bus is away and since when, and the next call reads the files', async (t) => {
  const repository = repositoryOf(t);
  const child = await serve(t, repository.root);
  const ask = await modelAt(t, repository.root);
  const { cursor } = await ask('snapshot');
  const before = Date.now();
  const waiting = ask('wait_for_change', { cursor, timeout_s: 30 });
  await killed(child);
  const answer = await waiting;
  t.match(answer, { away_since: String, timed_out: undefined });
  t.ok(Date.parse(answer['away_since'] as string) >= before);
  t.match(await ask('wait_for_change', { cursor }), { resync: 'epoch', cursor: String });
});

t.test('5,000 records are answered in 2,000 tokens by default', async (t) => {
  const repository = repositoryOf(t);
  for (let i = 0; i < 5_000; i++) repository.rename('task', `t${String(i)}`, { run_id: 'a', text: 'x'.repeat(100) });
  const ask = await modelAt(t, repository.root);
  const answer = await ask('snapshot');
  t.equal(answer['total'], 5_000);
  t.ok(JSON.stringify(answer).length / 3.2 <= 2_000);
});

t.test('a change concerns an address in every form in which holders read it', async (t) => {
  const fake = new FakeBus();
  t.teardown(() => {
    fake.stop();
  });
  fake.put('reservation', 'r1', { reservation_id: 7, addresses: 'src/a.py\nsrc/b.py' } as never);
  const bus = await fake.connect();
  const watch = new AddressWatch(await bus.mirror(), ['src/b.py:3'], {});
  const concerns = (kind: string, id: string, data: object): boolean =>
    watch.concerns({ kind, id, data } as unknown as BusEvent);
  t.ok(concerns('release', 'x', { reservation_id: 7 }), 'a release by a number');
  t.ok(concerns('intent', 'i', { addresses: { path: 'src/b.py' } }));
  t.ok(concerns('reservation', 'r2', { addresses: { 'src/b.py': 'modify' } }));
  t.ok(concerns('heartbeat', 'r2', { run_id: 'a' }), 'a heartbeat is named by its reservation');
  t.notOk(concerns('release', 'y', { run_id: 'a' }), 'a release must name one');
  t.notOk(concerns('intent', 'j', { addresses: 'src/c.py' }));
});

t.test(
  'a change from before the mirror concerns an address that the reservation may have held until then',
  async (t) => {
    const fake = new FakeBus();
    t.teardown(() => {
      fake.stop();
    });
    const bus = await fake.connect();
    const since = await bus.sync();
    fake.put('reservation', 'r1', lease('src/a.py'));
    const held = await bus.sync();
    fake.put('reservation', 'r1', lease('src/b.py'));
    fake.put('reservation', 'r2', lease('src/c.py'));
    const watch = new AddressWatch(await bus.mirror(), ['src/a.py'], {});
    const moved = await bus.subscribe({}, { since: held }).first();
    t.match(moved, { event_type: 'modified', id: 'r1' });
    t.ok(watch.concerns(moved!), 'it may have held src/a.py');
    fake.put('reservation', 'r2', lease('src/d.py'));
    const later = await bus.subscribe({}, { since }).first(({ data }) => String(data['addresses']) === 'src/d.py');
    t.notOk(watch.concerns(later!), 'what it held before is known');
  },
);

t.test('a mirror that has ended is opened again by the next call', async (t) => {
  const repository = repositoryOf(t);
  const bus = new McpBus(() => ({ root: repository.root, server: undefined }), { err: () => undefined });
  t.teardown(() => bus.close());
  const first = await bus.leases();
  t.equal(await bus.leases(), first);
  await first.close();
  const next = await bus.leases();
  t.not(next, first);
  t.equal(next.status.state, 'live');
});
