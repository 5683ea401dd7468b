import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import t, { type Test } from 'tap';
import { connect } from '../../../client/sdk/index.js';
import { type BusEvent, KINDS, MessageType } from '../../../protocol/index.js';
import { TELLING_RECORDS } from '../../support/any-json.js';
import { Command, MUSE_BUS } from '../../support/command.js';
import { Repository } from '../../support/repository-on-disk.js';
import { serve, TRANSPORTS, type Running } from '../../support/running-server.js';
import { HttpClient } from '../../support/http-client.js';
import { untilFound } from '../../support/until.js';
import { RawClient } from '../../support/raw-client.js';

const COUNT = TELLING_RECORDS.length * KINDS.length;

/** Writes each record as each kind, under names that sort before or after others. */
function writeAll(repository: Repository, prefix: string): void {
  for (const kind of KINDS) for (const [id, text] of TELLING_RECORDS) repository.write(kind, prefix + id, text);
}

/** Whether the events of the records with this prefix have the data of their files. */
function assertAll(
  t: Test,
  how: string,
  prefix: string,
  events: readonly (readonly [id: string, data: unknown])[],
): void {
  const found = events.filter(([id]) => id.startsWith(prefix));
  t.equal(found.length, COUNT, `${how}: each comes once`);
  const wrong = found.filter(([id, data]) => JSON.stringify(data) !== asFile(id.slice(prefix.length)));
  t.same(wrong, [], `${how}: each as its file has it`);
}

const FILES = new Map(TELLING_RECORDS.map(([id, text]) => [id, JSON.stringify(JSON.parse(text))]));
const asFile = (id: string): string | undefined => FILES.get(id);

const shown = (events: readonly BusEvent[]) => events.map(({ id, data }) => [id, data] as const);

async function overSockets(t: Test, running: Running, act: () => void): Promise<void> {
  const clients = await Promise.all(
    (['msgpack', 'json'] as const).map(async (encoding) => ({
      encoding,
      client: await RawClient.welcomed(running.endpoint, { encoding }),
    })),
  );
  for (const { client } of clients) client.send([MessageType.subscribe, 1, {}]);
  for (const { encoding, client } of clients) {
    await client.received(MessageType.synced);
    assertAll(t, `${encoding}, snapshot`, 'early-', received(client, 18));
  }
  act();
  for (const { encoding, client } of clients) {
    await untilFound('all that came later', () => received(client, 20).length >= COUNT);
    assertAll(t, `${encoding}, live`, 'late-', received(client, 20));
    client.send([MessageType.inspect, 1, 'overview', {}]);
    await client.received(MessageType.inspection);
    client.send([MessageType.inspect, 2, 'explain', { sub: 1, kind: 'reservation', id: 'late-to-json' }]);
    t.match((await client.received(MessageType.inspection, ([, nonce]) => nonce === 2))[2], { verdict: 'delivered' });
    t.equal(await client.isAlive(), true);
    client.terminate();
  }
}

function received(client: RawClient, type: number): (readonly [string, unknown])[] {
  const frames = client.messages.filter((message) => message[0] === type);
  return frames.flatMap(([, , , events]) =>
    (events as unknown[][]).map((event) => [event[3] as string, event[5]] as const),
  );
}

async function overHttp(t: Test, { endpoint }: Running): Promise<void> {
  const http = new HttpClient(endpoint);
  const listed = (await (await http.get('/records')).json()) as BusEvent[];
  assertAll(t, '/records', 'late-', shown(listed));
  for (const [how, headers] of [
    ['SSE', {}],
    ['NDJSON', { accept: 'application/x-ndjson' }],
  ] as const) {
    const body = await (await http.get(`/events?max_events=${String(2 * COUNT)}`, headers)).text();
    const lines = body.split('\n').map((line) => line.replace(/^data: /, ''));
    const events = lines.filter((line) => line.includes('"event_type"')).map((line) => JSON.parse(line) as BusEvent);
    assertAll(t, how, 'early-', shown(events));
  }
  http.close();
}

async function inMirror(t: Test, { endpoint }: Running): Promise<void> {
  const bus = await connect(endpoint);
  const mirror = await bus.mirror();
  assertAll(
    t,
    'mirror',
    'late-',
    KINDS.flatMap((kind) => mirror.all(kind).map(({ id, data }) => [id, data] as const)),
  );
  mirror.holders('src/a.py');
  await bus.close();
}

for (const transport of TRANSPORTS) {
  t.test(
    `${transport}: any legal JSON is delivered unchanged, at the start and later, and crashes nothing`,
    async (t) => {
      const repository = new Repository();
      writeAll(repository, 'early-');
      const running = await serve(t, { transport }, repository);
      await overSockets(t, running, () => {
        writeAll(repository, 'late-');
      });
      await overHttp(t, running);
      await inMirror(t, running);
      t.notOk(running.log.has('error '), 'nothing has failed');
    },
  );

  t.test(`${transport}: after a restart the journal has such records unchanged`, async (t) => {
    const repository = new Repository();
    writeAll(repository, 'early-');
    const first = await serve(t, { transport }, repository);
    const client = await RawClient.welcomed(first.endpoint);
    client.send([MessageType.subscribe, 1, {}]);
    const [, , , , cursor] = await client.received(MessageType.subscribed);
    await client.received(MessageType.synced);
    writeAll(repository, 'late-');
    await untilFound('all', () => received(client, 20).length >= COUNT);
    client.terminate();
    await first.server.stop();
    const second = await serve(t, { transport }, repository);
    t.not(cursor, undefined);
    const again = await RawClient.welcomed(second.endpoint);
    again.send([
      MessageType.subscribe,
      1,
      { since: `${second.server.bus.hub.epoch}:${String(second.server.bus.hub.revision - COUNT)}` },
    ]);
    await again.received(MessageType.synced);
    assertAll(t, 'replay', 'late-', received(again, 18));
    again.terminate();
  });
}

t.test('the commands and the tools for models show such records, with a server and without', async (t) => {
  const repository = new Repository();
  writeAll(repository, 'late-');
  const run = async (...args: string[]): Promise<Command> => {
    const command = Command.museBus([...args, '--root', repository.root]);
    t.equal(await command.exit, 0, `${args.join(' ')}: ${command.errors.join('\n')}`);
    return command;
  };
  const ask = async (): Promise<void> => {
    const watched = await run('watch', '--once', '--json');
    assertAll(t, 'watch', 'late-', shown(watched.json<BusEvent>().filter((line) => 'event_type' in line)));
    const [text, listed] = await Promise.all([
      run('watch', '--once', '--format', 'text'),
      run('get', 'reservation', '--json'),
      run('get', 'reservation', '--format', 'text'),
      run('holders', 'src/a.py', '--format', 'text'),
    ]);
    t.ok(text.lines.length >= COUNT);
    t.equal(listed.lines.length, TELLING_RECORDS.length);
  };
  await ask();
  await serve(t, {}, repository);
  await ask();
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MUSE_BUS, 'mcp', '--root', repository.root],
    stderr: 'ignore',
  });
  const model = new Client({ name: 'test', version: '1' });
  await model.connect(transport);
  for (const [name, args] of [
    ['snapshot', { limit: 100, full: true }],
    ['who_holds', { address: 'src/a.py' }],
  ] as const) {
    const answer = await model.callTool({ name, arguments: args });
    t.not(answer.isError, true, `${name}: ${JSON.stringify(answer.content).slice(0, 300)}`);
  }
  await model.close();
});
