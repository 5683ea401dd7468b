import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import t from 'tap';
import { MessageType, parseFilter, readClientMessage } from '../../../../protocol/index.js';
import { Repository } from '../../../support/repository-on-disk.js';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';

/** The text that grows most when it is encoded as JSON: four characters become 21. */
const GROWING = `{"n":[${Array.from({ length: 52_000 }, () => '1e20').join(',')}]}`;
const WIDE = Array.from({ length: 200 }, (_, i) => `${String(i)}-${'x'.repeat(240)}`);

for (const transport of TRANSPORTS) {
  t.test(`${transport}: no message is longer than max_message_bytes, so a client may refuse longer ones`, async (t) => {
    const repository = new Repository();
    repository.write('task', 'large', GROWING);
    const running = await serve(t, { transport }, repository);
    const crowd = await RawClient.welcomed(running.endpoint);
    for (let sub = 0; sub < 40; sub++) {
      crowd.send([MessageType.subscribe, sub, { filter: { run_ids: [...WIDE, String(sub)] }, snapshot: 'none' }]);
    }
    await untilFound(
      'all are subscribed',
      () => crowd.messages.filter(([type]) => type === MessageType.synced).length === 40,
    );
    const bound = (crowd.messages[0]![1] as { limits: { max_message_bytes: number } }).limits.max_message_bytes;
    const bearer = `muse-bus.bearer.${Buffer.from(running.token).toString('base64url')}`;
    const socket = new WebSocket(running.endpoint.url, ['muse-bus.v1.json', bearer], { maxPayload: bound });
    t.teardown(() => {
      socket.terminate();
    });
    const seen = new Map<number, number>();
    socket.on('message', (payload: Buffer) =>
      seen.set((JSON.parse(payload.toString()) as [number])[0], payload.length),
    );
    socket.on('open', () => {
      socket.send('[1,1]');
      socket.send('[5,1,"overview",{"limit":10000}]');
    });
    await untilFound('the record and the overview', () => seen.has(18) && seen.has(27));
    t.ok(seen.get(18)! > 1_048_576, 'a record may be longer than the usual bound of a library');
    t.ok(seen.get(27)! < 1_048_576, 'an overview is not');
    t.equal(socket.readyState, WebSocket.OPEN);
  });

  t.test(`${transport}: a round trip changes numbers only as PROTOCOL.md says`, async (t) => {
    const repository = new Repository();
    repository.write('task', 'n', '{"a":9007199254740993,"b":1.0,"c":1,"c":2}');
    repository.write('task', 'nan', '{"a":NaN}');
    const running = await serve(t, { transport }, repository);
    for (const encoding of ['msgpack', 'json'] as const) {
      const client = await RawClient.welcomed(running.endpoint, { encoding });
      client.send([MessageType.subscribe, 1, { filter: { ids: ['n', 'nan'] } }]);
      const events = await untilFound('both', () => {
        const all = client.messages
          .filter(([type]) => type === MessageType.batch || type === MessageType.events)
          .flatMap(([, , , some]) => some as unknown[][]);
        return all.length >= 2 && all;
      });
      t.same(events.find(([, , , id]) => id === 'n')?.[5], { a: 2 ** 53, b: 1, c: 2 });
      t.same(events.find(([, , , id]) => id === 'nan')?.[5], { a: null });
    }
  });

  t.test(
    `${transport}: files whose names are no record's cause no event and no problem; the log names the unusual ones`,
    async (t) => {
      const repository = new Repository();
      const running = await serve(t, { transport }, repository);
      const client = await RawClient.welcomed(running.endpoint);
      client.send([MessageType.subscribe, 1]);
      await client.received(MessageType.synced);
      for (const name of ['.hidden', 'a\nb', 'a\u001bb', 'a\u202eb', 'ä'.repeat(100)])
        repository.write('task', name, '{}');
      repository.write('task', 'last', '{}');
      client.send([MessageType.sync, 1]);
      await client.received(MessageType.syncDone);
      const ids = client.messages
        .filter(([type]) => type === MessageType.events)
        .flatMap(([, , , some]) => (some as unknown[][]).map(([, , , id]) => id));
      t.same(ids.sort(), ['last', 'ä'.repeat(100)].sort());
      t.same([...running.server.bus.hub.store.problems], []);
      t.ok(running.log.has('warn', 'unprintable'), 'the log says so');
    },
  );
}

t.test('max_id_bytes counts bytes in UTF-8 in every id of a message', async (t) => {
  for (const id of ['ä'.repeat(128), 'x'.repeat(256), '\u{1f600}'.repeat(64)]) {
    t.same(parseFilter({ ids: [id] }), { ids: [id] });
    t.equal(readClientMessage([3, 1, 'task', id]).type, 'sync');
    t.equal(readClientMessage([5, 1, 'explain', { filter: {}, kind: 'task', id }]).type, 'inspect');
  }
  for (const id of ['ä'.repeat(129), 'x'.repeat(257), '\u{1f600}'.repeat(65)]) {
    t.throws(() => parseFilter({ ids: [id] }), /1 to 256 bytes in UTF-8 \(max_id_bytes\)/);
    t.match(readClientMessage([3, 1, 'task', id]), {
      code: 'bad-option',
      message: /256 bytes in UTF-8 \(max_id_bytes\)/,
    });
    t.match(readClientMessage([5, 1, 'explain', { filter: {}, kind: 'task', id }]), {
      code: 'bad-option',
      message: /256 bytes/,
    });
  }
});

t.test('the reader of Server-Sent Events in docs/HTTP.md reads /events, and resumes', async (t) => {
  const text = readFileSync(new URL('../../../../docs/HTTP.md', import.meta.url), 'utf8');
  const code = /```js\n(async function\* serverSentEvents[^]*?)```/.exec(text)![1]!;
  const module = (await import(`data:text/javascript,${encodeURIComponent(`export ${code}`)}`)) as {
    serverSentEvents(
      url: string,
      token: string,
      since?: string,
    ): AsyncGenerator<{ event: string; id?: string; data: object }>;
  };
  const repository = new Repository();
  repository.write('task', 'a', '{"n":1}');
  const running = await serve(t, {}, repository);
  const url = `${running.endpoint.url.replace('ws', 'http')}/events`;
  const events = module.serverSentEvents(url, running.token);
  const first = (await events.next()).value as { event: string; data: object };
  t.match(first, { event: 'message', data: { event_type: 'snapshot', id: 'a' } });
  const synced = (await events.next()).value as { event: string; id: string };
  t.equal(synced.event, 'synced');
  await events.return(undefined);
  repository.write('task', 'b', '{"n":2}');
  const again = module.serverSentEvents(url, running.token, synced.id);
  for await (const { event, data } of again) {
    if (event === 'synced') continue;
    t.match(data, { event_type: 'added', id: 'b' });
    break;
  }
  await t.rejects(module.serverSentEvents(url, 'wrong').next(), /the token is missing or wrong/);
});
