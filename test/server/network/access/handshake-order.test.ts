import { readFileSync } from 'node:fs';
import t from 'tap';
import WebSocket from 'ws';
import { serve, TRANSPORTS, type Running } from '../../../support/running-server.js';
import { ask, handshake, open, request, type Answer, without } from '../../../support/http-wire.js';

type Fault = (headers: string[], running: Running) => string[];
const set =
  (name: string, value?: string): Fault =>
  (headers) => [...without(headers, name.toLowerCase()), ...(value === undefined ? [] : [`${name}: ${value}`])];

/** Each row of the table, with the fault that causes it. A request also has the faults of all later rows. */
const FAULTS: readonly (readonly [status: number, says: RegExp, fault: Fault])[] = [
  [400, /send no body/, set('Content-Length', '3')],
  [403, /host not allowed/, set('Host', 'elsewhere.example')],
  [403, /origin not allowed/, set('Origin', 'http://elsewhere.example')],
  [426, /Upgrade/, set('Upgrade', 'h2c, websocket')],
  [400, /Connection: Upgrade/, set('Connection', 'keep-alive')],
  [426, /Sec-WebSocket-Version: 13/, set('Sec-WebSocket-Version', '8')],
  [400, /Sec-WebSocket-Key/, set('Sec-WebSocket-Key', 'abc=')],
  [401, /token/, set('Authorization', 'Bearer wrong')],
  [400, /subprotocol/, set('Sec-WebSocket-Protocol', 'soap')],
];

for (const transport of TRANSPORTS) {
  t.test(
    `${transport}: a handshake with several faults is answered with the first one of the table, in one line`,
    async (t) => {
      const running = await serve(t, { transport });
      for (const [i, [status, says]] of FAULTS.entries()) {
        const faults = FAULTS.slice(i).map(([, , fault]) => fault);
        const bytes = handshake(running, (headers) => faults.reduce((sum, fault) => fault(sum, running), headers));
        const answer = await ask(running.port, bytes);
        t.equal(answer.status, status, String(says));
        t.match(answer.body, says);
      }
    },
  );

  t.test(`${transport}: a token among the subprotocols opens a handshake, and no plain request`, async (t) => {
    const { port, token } = await serve(t, { transport });
    const offered = `muse-bus.v1.json, muse-bus.bearer.${Buffer.from(token).toString('base64url')}`;
    const get = (headers: string): Promise<Answer> =>
      ask(port, `GET /holders?address=src/a.py HTTP/1.1\r\nHost: 127.0.0.1:${String(port)}\r\n${headers}\r\n`);
    t.equal((await get(`Sec-WebSocket-Protocol: ${offered}\r\n`)).status, 401);
    t.equal((await get(`Authorization: Bearer ${token}\r\n`)).status, 200);
  });

  t.test(
    `${transport}: at max_connections a valid handshake is answered with 503, an invalid one with its own fault`,
    async (t) => {
      const running = await serve(t, { transport, limits: { maxConnections: 1 } });
      const first = await ask(running.port, handshake(running));
      t.equal(first.status, 101);
      const held = new WebSocket(running.endpoint.url, [
        'muse-bus.v1.json',
        `muse-bus.bearer.${Buffer.from(running.token).toString('base64url')}`,
      ]);
      await new Promise((resolve) => (held.onmessage = resolve));
      const full = await ask(running.port, handshake(running));
      t.equal(full.status, 503);
      t.equal(full.headers['retry-after'], '5');
      t.equal(
        (
          await ask(
            running.port,
            handshake(running, (headers) => set('Authorization')(headers, running)),
          )
        ).status,
        401,
      );
      held.close();
    },
  );

  t.test(`${transport}: beyond max_refusals_per_second the answer is 429 in place of 401 and 403`, async (t) => {
    const running = await serve(t, { transport, limits: { maxRefusalsPerSecond: 1 } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const fault = i % 2 === 0 ? set('Authorization', 'Bearer wrong') : set('Host', 'elsewhere.example');
      statuses.push(
        (
          await ask(
            running.port,
            handshake(running, (headers) => fault(headers, running)),
          )
        ).status,
      );
    }
    t.ok(statuses.includes(429), statuses.join(' '));
    t.ok(statuses.every((status) => [401, 403, 429].includes(status)));
  });

  t.test(`${transport}: a request of HTTP/1.0 is answered as docs/HTTP.md says`, async (t) => {
    const running = await serve(t, { transport });
    const text = readFileSync(new URL('../../../../docs/HTTP.md', import.meta.url), 'utf8');
    t.match(text, /proxy_http_version 1\.1;/);
    const bytes = `GET /healthz HTTP/1.0\r\nHost: 127.0.0.1:${String(running.port)}\r\n\r\n`;
    t.equal((await ask(running.port, bytes)).status, transport === 'uws' ? 505 : 200);
    t.equal((await ask(running.port, bytes.replace('1.0', '2.0'))).status, 505, 'no other version is served');
    const old = handshake(running).replace('HTTP/1.1', 'HTTP/1.0');
    t.equal((await ask(running.port, old)).status, 505, 'a handshake needs 1.1');
  });

  t.test(
    `${transport}: one request follows a challenge; one that does not wait for the answer is not left without an end`,
    async (t) => {
      const { port } = await serve(t, { transport });
      const [challenge, next] = ['/challenge?nonce=AAAAAAAAAAAAAAAAAAAAAA', '/healthz'].map((path) =>
        request(`GET ${path}`, [`Host: 127.0.0.1:${String(port)}`]),
      ) as [string, string];
      t.same(await statusesOf(port, challenge, next), [200, 200]);
      // The native engine closes a connection on which a request comes before the answer to the one before it.
      t.same(await statusesOf(port, challenge + next), transport === 'uws' ? [] : [200, 200]);
    },
  );
}

/** The statuses of all answers on a connection that the server closes. @param next is sent when the first answer begins to come. */
function statusesOf(port: number, bytes: string, next = ''): Promise<number[]> {
  return new Promise((resolve) => {
    let received = '';
    const socket = open(port, false, () => socket.write(bytes));
    socket.once('data', () => next !== '' && socket.write(next));
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve([...received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status)));
    });
  });
}
