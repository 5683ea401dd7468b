import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import t, { type Test } from 'tap';
import { connect } from '../../client/index.js';
import { MUSE_BUS } from '../support/command.js';
import { ServedRepository } from '../support/served-repository.js';
import { TemporaryRepository } from '../support/temporary-repository.js';

interface Answer {
  readonly cursor: string;
  readonly [field: string]: unknown;
}

/** A model's side: the official client, with the command as its server. */
class Model {
  private constructor(
    readonly client: Client,
    readonly transport: StdioClientTransport,
  ) {}

  static async at(t: Test, root: string): Promise<Model> {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [MUSE_BUS, 'mcp', '--root', root],
      stderr: 'pipe',
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport);
    t.teardown(() => client.close());
    return new Model(client, transport);
  }

  async call(name: string, args: Record<string, unknown> = {}): Promise<{ readonly text: string; isError: boolean }> {
    const result = await this.client.callTool({ name, arguments: args });
    const [first] = result.content as { readonly text: string }[];
    return { text: first!.text, isError: result.isError === true };
  }

  /** The answer of a call that succeeds. */
  async ask(name: string, args: Record<string, unknown> = {}): Promise<Answer> {
    const { text, isError } = await this.call(name, args);
    if (isError) throw new Error(text);
    return JSON.parse(text) as Answer;
  }
}

const inAMinute = () => new Date(Date.now() + 60_000).toISOString();

async function serve(t: Test) {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  const bus = await connect({ root: repository.root });
  t.teardown(() => bus.close());
  return { repository, bus };
}

t.test('the tools say what they take, and that they only look', async (t) => {
  const { repository } = await serve(t);
  const { client } = await Model.at(t, repository.root);
  t.match(client.getServerVersion(), { name: 'muse-bus' });
  t.match(client.getInstructions(), /who_holds/);
  const { tools } = await client.listTools();
  t.same(
    tools.map(({ name }) => name),
    ['snapshot', 'who_holds', 'wait_for_change', 'explain'],
  );
  for (const { name, description, inputSchema, annotations } of tools) {
    t.equal(inputSchema.type, 'object', name);
    t.equal(annotations?.readOnlyHint, true, name);
    t.ok(description!.length < 250, `${name} is described in ${String(description!.length)} characters`);
  }
  const size = JSON.stringify(tools).length;
  t.ok(size < 6_000, `all of it takes ${String(size)} characters`);
});

t.test('snapshot shows what stands, shortly', async (t) => {
  const { repository, bus } = await serve(t);
  const text = 'x'.repeat(1_000);
  repository.rename('task', 't1', { task_id: 't1', run_id: 'a', title: 'first', text });
  repository.rename('task', 't2', { run_id: 'b' });
  repository.rename('claim', 'c1', { run_id: 'a' });
  await bus.sync();
  const model = await Model.at(t, repository.root);
  const { records, total, cursor } = await model.ask('snapshot', { kind: 'task', limit: 1 });
  t.equal(total, 2);
  t.match(cursor, /^\w+:3$/);
  t.same(records, [{ kind: 'task', id: 't1', run_id: 'a', title: 'first', text: `${'x'.repeat(200)}…` }]);
  t.match(await model.ask('snapshot', { kind: ['task', 'claim'], run_id: 'a' }), { total: 2 });
  t.match(await model.ask('snapshot', { id: 't1', full: true }), { records: [{ data: { text } }] });
});

t.test('who_holds knows extended and released leases', async (t) => {
  const { repository, bus } = await serve(t);
  const past = '2020-01-01T00:00:00Z';
  repository.rename('reservation', 'r1', { run_id: 'a', branch: 'm', addresses: ['src/a.py::f'], expires_at: past });
  repository.rename('heartbeat', 'h1', { reservation_id: 'r1', extended_expires_at: inAMinute() });
  await bus.sync();
  const model = await Model.at(t, repository.root);
  const { holders } = await model.ask('who_holds', { address: 'src/a.py' });
  t.match(holders, [{ run_id: 'a', branch: 'm', addresses: ['src/a.py::f'], seconds_left: Number, reservation: 'r1' }]);
  t.same(await model.ask('who_holds', { address: 'src/a.py', branch: 'other' }), { holders: [] });
  t.same(await model.ask('who_holds', { address: 'src/b.py' }), { holders: [] });
});

t.test('wait_for_change goes on from cursor to cursor, and misses nothing between', async (t) => {
  const { repository, bus } = await serve(t);
  const model = await Model.at(t, repository.root);
  const { cursor: start } = await model.ask('snapshot');
  const waiting = model.ask('wait_for_change', { cursor: start, kind: 'task', timeout_s: 50 });
  repository.rename('task', 't1', { run_id: 'a' });
  const first = await waiting;
  t.same(first['changes'], [{ type: 'added', kind: 'task', id: 't1', run_id: 'a' }]);
  repository.remove('task', 't1');
  repository.rename('claim', 'c1', {});
  await bus.sync();
  const second = await model.ask('wait_for_change', { cursor: first.cursor });
  t.equal((second['changes'] as unknown[]).length, 2, 'what happened while nobody waited');
  t.match(second['changes'], [{ id: String }, { id: String }]);

  const limited = await model.ask('wait_for_change', { cursor: start, limit: 1 });
  t.equal((limited['changes'] as unknown[]).length, 1);
  t.equal(limited.cursor, first.cursor);
});

t.test('wait_for_change gives up in time, with a cursor, and says when history is lost', async (t) => {
  const { repository } = await serve(t);
  const model = await Model.at(t, repository.root);
  const nothing = await model.ask('wait_for_change', { timeout_s: 0.05, run_id: 'nobody' });
  t.same(nothing, { cursor: nothing.cursor, timed_out: true });
  t.match(nothing.cursor, /^\w+:\d+$/);
  t.match(await model.ask('wait_for_change', { cursor: 'Elsewhere:3' }), { resync: 'epoch', cursor: String });
});

t.test('explain says why in words', async (t) => {
  const { repository, bus } = await serve(t);
  repository.rename('task', 't1', { branch: 'main' });
  await bus.sync();
  const model = await Model.at(t, repository.root);
  t.same(await model.ask('explain', { kind: 'task', id: 't1', filter: { branch: 'mian' } }), {
    verdict: 'would not match',
    reasons: ['branches asks for "mian"; the record has "main"'],
    revision: 1,
  });
});

t.test('mistakes are answered with what to do about them', async (t) => {
  const { repository } = await serve(t);
  const model = await Model.at(t, repository.root);
  const mistakes: [string, object, RegExp][] = [
    ['wait_for_change', { cursor: 'yesterday' }, /since must be a cursor/],
    ['wait_for_change', { timeout_s: 51 }, /timeout_s/],
    ['snapshot', { kind: 'tusk' }, /kind/],
    ['explain', { kind: 'task', id: 't', filter: { brnach: 'x' } }, /brnach/],
    ['snapshot', { address: '***/'.repeat(200) }, /addresses/],
  ];
  for (const [name, args, text] of mistakes) {
    const answer = await model.call(name, args as Record<string, unknown>);
    t.equal(answer.isError, true, name);
    t.match(answer.text, text);
  }
});

t.test('without a server it reads the files itself', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  repository.rename('task', 't1', {});
  const model = await Model.at(t, repository.root);
  t.match(await model.ask('snapshot'), { total: 1 });
});

t.test('it ends when its input does', async (t) => {
  const { repository } = await serve(t);
  const { client, transport } = await Model.at(t, repository.root);
  const { pid } = transport;
  await client.callTool({ name: 'snapshot', arguments: {} });
  await client.close();
  t.throws(() => process.kill(pid!, 0), { code: 'ESRCH' });
});
