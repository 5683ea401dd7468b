import t from 'tap';
import { serve, TRANSPORTS, type Running } from '../../../support/running-server.js';
import { ask, handshake, request, without } from '../../../support/http-wire.js';

type Change = (headers: string[], server: Running) => string[];

const setHost =
  (...values: string[]): Change =>
  (headers, { port }) => [
    ...values.map((value) => `Host: ${value.replace('PORT', String(port))}`),
    ...without(headers, 'host'),
  ];
const addOrigin =
  (...values: string[]): Change =>
  (headers, { port }) => [...headers, ...values.map((value) => `Origin: ${value.replace('PORT', String(port))}`)];

/** Each is sent as a handshake and as a plain request, both with the right token. */
const STRANGERS: readonly (readonly [what: string, change: Change])[] = [
  ['a foreign Host: a rebound name', setHost('evil.com')],
  ['a foreign Host with our port', setHost('evil.com:PORT')],
  ['a Host that begins like ours', setHost('localhost.evil.com:PORT')],
  ['a Host that ends like ours', setHost('evil-localhost:PORT')],
  ['an empty Host', setHost('')],
  ['two Hosts, ours first', setHost('127.0.0.1:PORT', 'evil.com')],
  ['two Hosts, ours last', setHost('evil.com', '127.0.0.1:PORT')],
  ['twice the same Host', setHost('127.0.0.1:PORT', '127.0.0.1:PORT')],
  ['our Host without its port', setHost('127.0.0.1')],
  ['our Host with another port', setHost('127.0.0.1:1')],
  ['a Host with two ports', setHost('127.0.0.1:PORT:PORT')],
  ['0.0.0.0 from a page', setHost('0.0.0.0:PORT')],
  ['[::] from a page', setHost('[::]:PORT')],
  ['another spelling of 127.0.0.1', setHost('2130706433:PORT')],
  ['a user name in the Host', setHost('127.0.0.1:PORT@evil.com')],
  ['the page of a foreign Origin', addOrigin('https://evil.com')],
  ['a foreign Origin with our port', addOrigin('http://evil.com:PORT')],
  ['the opaque Origin null', addOrigin('null')],
  ['an empty Origin', addOrigin('')],
  ['an Origin that begins like ours', addOrigin('http://localhost.evil.com')],
  ['an Origin that begins like ours, with our port', addOrigin('http://127.0.0.1.evil.com:PORT')],
  ['an IP-literal Origin', addOrigin('http://10.0.0.1')],
  ['our Origin on another port', addOrigin('http://localhost:3000')],
  ['our Origin without its port', addOrigin('http://localhost')],
  ['our Origin with another scheme', addOrigin('https://localhost:PORT')],
  ['two Origins, ours first', addOrigin('http://127.0.0.1:PORT', 'https://evil.com')],
  ['twice our Origin', addOrigin('http://127.0.0.1:PORT', 'http://127.0.0.1:PORT')],
  ['two Origins in one header', addOrigin('http://127.0.0.1:PORT, https://evil.com')],
  ['an Origin with a path', addOrigin('http://127.0.0.1:PORT/')],
];

const FRIENDS: readonly (readonly [what: string, change: Change])[] = [
  ['127.0.0.1, no Origin', (headers) => headers],
  ['localhost', setHost('localhost:PORT')],
  ['LOCALHOST', setHost('LOCALHOST:PORT')],
  ['[::1]', setHost('[::1]:PORT')],
  ['our own Origin', addOrigin('http://127.0.0.1:PORT')],
  ['our own Origin by another of our names', addOrigin('http://localhost:PORT')],
];

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    const server = await serve(t, { transport, limits: { maxRefusalsPerSecond: 1_000_000 } });
    for (const [what, change] of STRANGERS) {
      t.test(`${what}: 403, on WebSocket and HTTP`, async (t) => {
        const socket = await ask(
          server.port,
          handshake(server, (headers) => change(headers, server)),
        );
        t.equal(socket.status, 403, 'the handshake');
        t.match(socket.body, /--allow-(host|origin)/, 'the answer names the option to set');
        for (const path of ['/', '/healthz', '/records']) {
          const plain = [`Host: 127.0.0.1:${String(server.port)}`, `Authorization: Bearer ${server.token}`];
          const answer = await ask(server.port, request(`GET ${path}`, change(plain, server)));
          t.equal(answer.status, 403, path);
          t.equal(answer.headers['access-control-allow-origin'], undefined);
        }
        t.equal(server.server.bus.connectionCount, 0, 'no session begins');
      });
    }
    t.test('no Host: 400', async (t) => {
      const answer = await ask(
        server.port,
        handshake(server, (headers) => without(headers, 'host')),
      );
      t.equal(answer.status, 400);
    });
    for (const [what, change] of FRIENDS) {
      t.test(`${what}: accepted`, async (t) => {
        const socket = await ask(
          server.port,
          handshake(server, (headers) => change(headers, server)),
        );
        t.equal(socket.status, 101);
        const plain = [`Host: 127.0.0.1:${String(server.port)}`];
        t.equal((await ask(server.port, request('GET /healthz', change(plain, server)))).status, 200);
      });
    }
  });

  t.test(`${transport}: hosts and origins that the operator allows`, async (t) => {
    const server = await serve(t, {
      transport,
      allowHosts: ['bus.example.com', 'proxy.example.com:443'],
      allowOrigins: ['http://dev.example.com:5173'],
    });
    const cases: readonly (readonly [what: string, change: Change, status: number])[] = [
      ['an allowed Host with our port', setHost('bus.example.com:PORT'), 101],
      ['an allowed Host without it', setHost('bus.example.com'), 403],
      ['a proxy’s Host', setHost('proxy.example.com'), 101],
      ['a proxy’s Host with its port', setHost('proxy.example.com:443'), 101],
      ['a proxy’s Host with ours', setHost('proxy.example.com:PORT'), 403],
      ['an allowed Origin', addOrigin('http://dev.example.com:5173'), 101],
      ['an allowed Origin with another scheme', addOrigin('https://dev.example.com:5173'), 403],
      ['an allowed Origin with another port', addOrigin('http://dev.example.com:5174'), 403],
      ['a subdomain of an allowed Origin', addOrigin('http://x.dev.example.com:5173'), 403],
    ];
    for (const [what, change, status] of cases) {
      t.test(`${what}: ${String(status)}`, async (t) => {
        const answer = await ask(
          server.port,
          handshake(server, (headers) => change(headers, server)),
        );
        t.equal(answer.status, status);
      });
    }
    t.test('a page of an allowed Origin may read the answers, and no other page', async (t) => {
      const host = `Host: 127.0.0.1:${String(server.port)}`;
      const origin = 'http://dev.example.com:5173';
      const answer = await ask(server.port, request('GET /healthz', [host, `Origin: ${origin}`]));
      t.match(answer.headers, { 'access-control-allow-origin': origin, vary: 'origin' });
      const preflight = await ask(
        server.port,
        request('OPTIONS /records', [host, `Origin: ${origin}`, 'Access-Control-Request-Method: GET']),
      );
      t.equal(preflight.status, 204);
      t.match(preflight.headers, { 'access-control-allow-headers': /authorization/ });
      const own = await ask(server.port, request('GET /healthz', [host]));
      t.equal(own.headers['access-control-allow-origin'], undefined);
      t.equal(own.headers['cross-origin-resource-policy'], 'same-origin');
    });
  });
}
