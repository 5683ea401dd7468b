import t from 'tap';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { ask, handshake, request, without } from '../../../support/http-wire.js';

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    const server = await serve(t, { transport });
    const host = `Host: 127.0.0.1:${String(server.port)}`;
    const token = `Authorization: Bearer ${server.token}`;
    const REPLIES: readonly (readonly [what: string, bytes: string, status: number])[] = [
      ['an answer', request('GET /healthz', [host]), 200],
      ['a list of records', request('GET /records', [host, token]), 200],
      ['a list of records that cannot be read', request('GET /records?problem=1', [host, token]), 200],
      ['a question that is misspelt', request('GET /records?knd=task', [host, token]), 400],
      ['the metrics', request('GET /metrics', [host, token]), 200],
      ['an answer to HEAD', request('HEAD /healthz', [host]), 200],
      ['nothing at a path', request('GET /nothing', [host, token]), 404],
      ['a method that is not known', request('DELETE /healthz', [host]), 405],
      ['a refused token', request('GET /records', [host]), 401],
      ['a refused Host', request('GET /', ['Host: evil.com']), 403],
      ['a refused Origin', request('GET /', [host, 'Origin: null']), 403],
      ['a refused handshake', handshake(server, (headers) => without(headers, 'authorization')), 401],
      ['a bad handshake', handshake(server, (headers) => without(headers, 'upgrade')), 426],
      ['an offer of another protocol', request('GET /healthz', [host, 'Connection: Upgrade', 'Upgrade: h2c']), 200],
    ];
    for (const [what, bytes, status] of REPLIES) {
      t.test(`${what} (${String(status)}) carries the security headers, no path and no stack`, async (t) => {
        const answer = await ask(server.port, bytes);
        t.equal(answer.status, status);
        t.match(answer.headers, {
          'x-content-type-options': 'nosniff',
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-store',
          'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
        });
        t.notMatch(answer.headers['content-security-policy'] ?? '', /unsafe-/);
        t.notMatch(answer.body, new RegExp(server.repository.root), 'no path of this machine');
        t.notMatch(answer.body, /\bat .+:\d+:\d+/, 'no stack');
        t.notMatch(answer.body, server.token);
      });
    }

    t.test('an answer to HEAD has a length and no body', async (t) => {
      const two = request('HEAD /healthz', [host]) + request('GET /healthz', [host, 'Connection: close']);
      const { headers, body } = await ask(server.port, request('HEAD /healthz', [host]));
      t.ok(Number(headers['content-length']) > 0);
      t.equal(body, '');
      t.equal((await ask(server.port, two)).status, 200);
      for (const upgrade of ['h2c', 'websocket']) {
        const headers = [host, 'Connection: Upgrade', `Upgrade: ${upgrade}`];
        t.equal((await ask(server.port, request('HEAD /healthz', headers))).body, '', upgrade);
      }
    });

    t.test('an exception is answered with a 500 that does not show it', async (t) => {
      const { bus } = server.server;
      const health = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(bus), 'health');
      Object.defineProperty(bus, 'health', {
        configurable: true,
        get: () => {
          throw new Error(`secret at ${server.repository.root}`);
        },
      });
      const answer = await ask(server.port, request('GET /readyz', [host]));
      Reflect.deleteProperty(bus, 'health');
      t.ok(health);
      t.equal(answer.status, 500);
      t.notMatch(answer.body, /secret/);
      t.ok(server.log.has('a request failed', 'secret'), 'the log says it');
      t.equal((await ask(server.port, request('GET /readyz', [host]))).status, 200);
    });
  });
}
