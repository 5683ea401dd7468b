import { readFileSync } from 'node:fs';
import t from 'tap';
import { CloseCode, MessageType } from '../../../../protocol/index.js';
import { serve, TRANSPORTS, type Running } from '../../../support/running-server.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';

/** A filter with which an overview is large. */
const WIDE = { run_ids: Array.from({ length: 1_000 }, (_, i) => `${String(i)}-${'x'.repeat(200)}`) };

async function endOf(client: RawClient): Promise<{ readonly code: number; readonly reason: string }> {
  return untilFound('the end of the connection', () => client.closed);
}

/** Requests more answers than the kernel and the server keep for a client that does not read. Then the client reads. */
async function takeNothing(client: RawClient): Promise<void> {
  client.send([MessageType.subscribe, 1, { filter: WIDE, snapshot: 'none' }]);
  await client.received(MessageType.synced);
  client.socket.pause();
  for (let nonce = 0; nonce < 49; nonce++) client.send([MessageType.inspect, nonce, 'overview']);
}

/** How a test causes each close code of the server. */
const CAUSES: Readonly<Record<CloseCode, (running: Running, client: RawClient) => unknown>> = {
  [CloseCode.goingAway]: ({ server }) => server.stop(),
  [CloseCode.tooLarge]: (_, client) => {
    client.raw(new Uint8Array(1_000_001));
  },
  // Every fault of the server in a connection ends here.
  [CloseCode.internal]: ({ server }) => {
    server.bus.disconnectAll(CloseCode.internal, 'the server failed on this connection; its log says how');
  },
  [CloseCode.unauthorized]: ({ server }) => server.rotateToken(),
  [CloseCode.tooSlow]: async ({ server }, client) => {
    await takeNothing(client);
    await untilFound('the server gives up', () => [...server.bus.sessions].some((one) => one.isClosed()));
    client.socket.resume();
  },
  [CloseCode.tooMany]: (_, client) => {
    for (let i = 0; i < 30; i++) client.send([99]);
  },
};

const TEXT = readFileSync(new URL('../../../../protocol/PROTOCOL.md', import.meta.url), 'utf8');
const table = TEXT.slice(TEXT.indexOf('## Close codes'), TEXT.indexOf('## Limits'));

t.test('the table of close codes in PROTOCOL.md has those that the server sends, and no other', async (t) => {
  const rows = [...table.matchAll(/^\| (\d{4}) /gm)].map(([, code]) => Number(code));
  t.same(rows, Object.values(CloseCode));
});

for (const transport of TRANSPORTS) {
  for (const [name, code] of Object.entries(CloseCode)) {
    t.test(`${transport}: a client can see ${String(code)} (${name})`, async (t) => {
      const running = await serve(t, { transport, limits: { maxPayloadBytes: 1_000_000, maxBadMessages: 20 } });
      const client = await RawClient.welcomed(running.endpoint);
      await CAUSES[code](running, client);
      const closed = await endOf(client);
      t.equal(closed.code, code);
      t.not(closed.reason, '', 'with a reason');
      if (code === CloseCode.goingAway) t.match(closed.reason, /^shutdown retry=\d+$/);
    });
  }

  t.test(`${transport}: a text frame that is not UTF-8 ends the connection, and the client reconnects`, async (t) => {
    const running = await serve(t, { transport });
    const client = await RawClient.welcomed(running.endpoint, { encoding: 'json' });
    client.socket.send(Buffer.from([0x5b, 0xff, 0x5d]), { binary: false });
    const { code } = await endOf(client);
    t.ok(code === 1007 || code === 1006, String(code));
    t.ok(await (await RawClient.welcomed(running.endpoint, { encoding: 'json' })).isAlive());
  });
}

t.test('a server that begins anew closes with a reason of the same form', async (t) => {
  const source = readFileSync(new URL('../../../../server/bus-base.ts', import.meta.url), 'utf8');
  t.match(/RECONNECT_NOW = '([^']+)'/.exec(source)?.[1], /^shutdown retry=\d+$/);
});
