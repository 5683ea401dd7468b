import t from 'tap';
import { BEARER_SUBPROTOCOL } from '../../../../protocol/index.js';
import { serve, TRANSPORTS, type Running } from '../../../support/running-server.js';
import { ask, handshake, request, without } from '../../../support/http-wire.js';

type Change = (headers: string[], server: Running) => string[];

const set =
  (name: string, ...values: string[]): Change =>
  (headers) => [...without(headers, name.toLowerCase()), ...values.map((value) => `${name}: ${value}`)];

const HANDSHAKES: readonly (readonly [what: string, change: Change, status: number])[] = [
  ['version 8', set('Sec-WebSocket-Version', '8'), 426],
  ['no version', set('Sec-WebSocket-Version'), 426],
  ['two versions', set('Sec-WebSocket-Version', '13', '8'), 426],
  ['no Upgrade', set('Upgrade'), 426],
  ['an Upgrade to something else', set('Upgrade', 'h2c'), 426],
  ['no Connection: Upgrade', set('Connection', 'keep-alive'), 400],
  ['no key', set('Sec-WebSocket-Key'), 400],
  ['a key that is too short', set('Sec-WebSocket-Key', 'abc='), 400],
  ['two keys', set('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='), 400],
  ['a subprotocol that is not ours', set('Sec-WebSocket-Protocol', 'soap'), 400],
  ['a subprotocol twice', set('Sec-WebSocket-Protocol', 'muse-bus.v1.json, muse-bus.v1.json'), 400],
  ['a subprotocol that is no name', set('Sec-WebSocket-Protocol', 'muse-bus.v1.json, a b'), 400],
  ['an empty list of subprotocols', set('Sec-WebSocket-Protocol', ''), 400],
  ['a list of subprotocols with an empty place', set('Sec-WebSocket-Protocol', 'muse-bus.v1.json,,'), 400],
  ['no token', set('Authorization'), 401],
  ['a wrong token', set('Authorization', `Bearer ${'A'.repeat(43)}`), 401],
  [
    'the beginning of a token',
    (headers, { token }) => set('Authorization', `Bearer ${token.slice(0, 20)}`)(headers, {} as Running),
    401,
  ],
  ['a token and more', (headers, { token }) => set('Authorization', `Bearer ${token}A`)(headers, {} as Running), 401],
  ['an empty token', set('Authorization', 'Bearer '), 401],
  ['another scheme', (headers, { token }) => set('Authorization', `Basic ${token}`)(headers, {} as Running), 401],
  ['two tokens, ours first', (headers) => [...headers, `Authorization: Bearer ${'A'.repeat(43)}`], 401],
  ['two tokens, ours last', (headers) => [`Authorization: Bearer ${'A'.repeat(43)}`, ...headers], 401],
  [
    'a wrong token as a subprotocol beside the right one',
    (headers) => set('Sec-WebSocket-Protocol', `muse-bus.v1.json, ${BEARER_SUBPROTOCOL}QUFB`)(headers, {} as Running),
    401,
  ],
  ['no subprotocol', set('Sec-WebSocket-Protocol'), 101],
];

const bearer = (token: string): string => BEARER_SUBPROTOCOL + Buffer.from(token).toString('base64url');

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    const server = await serve(t, { transport });
    for (const [what, change, status] of HANDSHAKES) {
      t.test(`${what}: ${String(status)}`, async (t) => {
        const answer = await ask(
          server.port,
          handshake(server, (headers) => change(headers, server)),
        );
        t.equal(answer.status, status);
      });
    }

    t.test('a method other than GET: 405', async (t) => {
      t.equal(
        (
          await ask(
            server.port,
            handshake(server, (headers) => headers, 'POST /'),
          )
        ).status,
        405,
      );
    });

    t.test('the token as a subprotocol, never echoed: 101', async (t) => {
      const answer = await ask(
        server.port,
        handshake(server, (headers) => [
          ...without(without(headers, 'authorization'), 'sec-websocket-protocol'),
          `Sec-WebSocket-Protocol: ${bearer(server.token)}, muse-bus.v1.json`,
        ]),
      );
      t.equal(answer.status, 101);
      t.equal(answer.headers['sec-websocket-protocol'], 'muse-bus.v1.json');
    });

    t.test('a token in the query does not count: 401, and it is not logged', async (t) => {
      const line = `GET /?token=${server.token}`;
      const answer = await ask(
        server.port,
        handshake(server, (headers) => without(headers, 'authorization'), line),
      );
      t.equal(answer.status, 401);
      t.notOk(server.log.has(server.token), 'no line of the log holds the token');
    });

    t.test('headers over 10 KB: refused by the engine', async (t) => {
      const answer = await ask(
        server.port,
        handshake(server, (headers) => [...headers, `X: ${'a'.repeat(12_000)}`]),
      );
      t.equal(answer.status, 431);
    });

    t.test('a second Host behind two thousand headers: refused all the same', async (t) => {
      const many = Array.from({ length: 2_100 }, () => 'a:');
      const headers = (own: string[]): string[] => [...own, ...many, 'Host: evil.com'];
      const answer = await ask(server.port, handshake(server, headers));
      t.ok([403, 431].includes(answer.status), String(answer.status));
    });

    t.test('input that is no HTTP is refused, and the server continues', async (t) => {
      for (const bytes of ['\0\x01\x02\r\n\r\n', 'GET\r\n\r\n', '\x16\x03\x01\x02\x00\x01', 'GET / HTTP/9.9\r\n\r\n']) {
        const answer = await ask(server.port, `${bytes}${'\r\n'.repeat(4)}`, false, 500);
        t.ok(answer.status === 0 || answer.status >= 400, String(answer.status));
      }
      t.equal((await ask(server.port, handshake(server))).status, 101);
    });

    t.test('every path but the open ones asks for the token', async (t) => {
      const host = `Host: 127.0.0.1:${String(server.port)}`;
      for (const path of [
        '/records',
        '/metrics',
        '/events',
        '/nothing',
        '/..%2f..%2fetc/passwd',
        '//healthz',
        '/healthz/',
      ]) {
        t.equal((await ask(server.port, request(`GET ${path}`, [host]))).status, 401, path);
      }
      t.equal((await ask(server.port, request('GET /healthz', [host]))).status, 200);
      t.equal((await ask(server.port, request('GET /readyz', [host]))).status, 200);
    });
  });
}
