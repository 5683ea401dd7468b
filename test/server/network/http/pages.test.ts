import t from 'tap';
import { answer, type HttpServices } from '../../../../server/network/http/answer.js';
import { LOOPBACK_HOSTS } from '../../../../server/config/authority.js';
import { AccessPolicy } from '../../../../server/network/access-policy.js';
import { isStream } from '../../../../server/network/transport.js';
import { HttpClient } from '../../../support/http-client.js';
import { unready } from '../../../../server/runtime/readiness.js';
import { requestHead } from '../../../support/request-head.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { SlowReader } from '../../../support/slow-reader.js';
import { until } from '../../../support/until.js';

for (const transport of ['uws', 'ws'] as const) {
  t.test(`over ${transport}`, async (t) => {
    const repository = new ServedRepository({ transport, limits: { maxConnections: 2 } });
    t.teardown(() => repository.stop());
    repository.rename('task', 't1', {});
    const http = new HttpClient(await repository.start());
    t.teardown(() => http.close());
    const text = async (path: string, headers = {}, method = 'GET') => {
      const response = await http.get(path, headers, method);
      return [response.status, await response.text()] as const;
    };

    t.test('health and readiness need no token', async (t) => {
      t.same(await text('/healthz', { authorization: '' }), [200, '{"status":"ok"}\n']);
      const [status, body] = await text('/readyz', { authorization: '' });
      t.equal(status, 200);
      t.match(JSON.parse(body), { status: 'ready', backend: String, healthy: true, revision: 1 });
    });

    t.test('every other path needs the token, and the answer says so', async (t) => {
      for (const path of ['/records', '/events', '/metrics', '/nothing']) {
        const [status, body] = await text(path, { authorization: 'Bearer wrong' });
        t.equal(status, 401, path);
        t.match(body, /Authorization: Bearer/);
      }
    });

    t.test('an unknown path is answered with the list of known ones', async (t) => {
      t.match(await text('/event'), [
        404,
        /^did you mean \/events\? there are .*\/healthz, \/readyz, \/challenge, \/records, \/holders, \/events, \/metrics/,
      ]);
      t.match(await text('/xyzzy'), [404, /^nothing at this path; there are .*\/healthz/]);
    });

    t.test('only GET and HEAD', async (t) => {
      for (const path of ['/healthz', '/records', '/events']) {
        t.same(await text(path, {}, 'POST'), [405, 'only GET and HEAD\n'], path);
      }
      for (const path of ['/healthz', '/records', '/events', '/metrics']) {
        t.same(await text(path, {}, 'HEAD'), [200, ''], path);
      }
    });

    t.test('a mistake in the query is answered with 400 and the right name', async (t) => {
      t.match(await text('/events?run-id=a'), [400, /did you mean run_id\?/]);
      t.match(await text('/records?kind=tusk'), [400, /did you mean "task"\?/]);
      t.match(await text('/events', { 'last-event-id': 'x' }), [400, /Last-Event-ID must be a cursor/]);
    });

    t.test('a request for a stream must accept its type', async (t) => {
      for (const accept of ['text/html', 'text/event-stream;q=0', 'image/*, application/json'])
        t.match(await text('/events', { accept }), [406, /text\/event-stream or application\/x-ndjson/], accept);
    });

    t.test('of the types that a request accepts, the preferred one is sent', async (t) => {
      for (const [accept, type] of [
        ['*/*', 'text/event-stream; charset=utf-8'],
        ['application/*', 'application/x-ndjson'],
        ['application/x-ndjson, text/event-stream', 'application/x-ndjson'],
        ['application/x-ndjson;q=0.5, text/event-stream', 'text/event-stream; charset=utf-8'],
        ['text/event-stream; q=0, application/jsonl; q=0.1', 'application/x-ndjson'],
      ] as const) {
        const { headers } = await http.get('/events?max_events=1&snapshot=none', { accept }, 'HEAD');
        t.equal(headers.get('content-type'), type, accept);
      }
    });

    t.test('every answer carries the security headers', async (t) => {
      for (const path of ['/healthz', '/records', '/events?max_events=1', '/metrics', '/nothing', '/events?x=1']) {
        const { headers } = await http.get(path);
        t.equal(headers.get('x-content-type-options'), 'nosniff', path);
        t.equal(headers.get('cross-origin-resource-policy'), 'same-origin', path);
        t.equal(headers.get('cache-control'), 'no-store', path);
        t.match(headers.get('content-security-policy'), /default-src 'none'/, path);
      }
    });

    t.test('event streams count among the connections', async (t) => {
      const streams = [await http.stream('/events'), await http.stream('/events')];
      for (const stream of streams) await stream.untilText('event: synced');
      t.match(await text('/events'), [503, /max_connections/]);
      t.match(await text('/records'), [503, /max_connections/]);
      streams.forEach((stream) => stream.leave());
    });
  });
}

for (const transport of ['uws', 'ws'] as const) {
  t.test(`over ${transport}: event streams do not count as unauthenticated connections`, async (t) => {
    const repository = new ServedRepository({ transport, limits: { maxPendingConnections: 2 } });
    t.teardown(() => repository.stop());
    const endpoint = await repository.start();
    const { base } = new HttpClient(endpoint);
    for (let round = 0; round < 3; round++) {
      const readers: SlowReader[] = [];
      for (let i = 0; i < 5; i++) readers.push(await SlowReader.begin(`${base}/events`, endpoint.token));
      t.equal(repository.server.bus.connectionCount, 5);
      for (const reader of readers) reader.leave();
      await until('they have left', () => repository.server.bus.connectionCount === 0);
    }
  });
}

t.test('a server that is not ready says so', async (t) => {
  const services: HttpServices = {
    accessPolicy: new AccessPolicy({ token: 't', port: 1, scheme: 'http', hosts: LOOPBACK_HOSTS, origins: [] }),
    pages: new Map(),
    routes: new Map(),
    isRunning: true,
    readiness: () => ({
      readiness: unready('it begins'),
      known: { backend: 'inotify', healthy: false, last_scan_ms: 0, revision: 0, journal: 'off' },
    }),
  };
  const reply = answer(requestHead('/readyz'), services);
  t.notOk(isStream(reply));
  t.match(reply, { status: 503, body: /"not ready","reason":"it begins"/ });
});
