import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { EdgeServer } from '../../../server/index.js';
import { makeCertificate } from '../../support/certificate.js';
import { freePort } from '../../support/free-port.js';
import { ServedRepository } from '../../support/served-repository.js';
import { WebSocket as Ws } from 'ws';
import { until } from '../../support/until.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(port: number, path: string, host = `127.0.0.1:${String(port)}`, at = '127.0.0.1'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = host === '' ? {} : { host };
    const sent = request({ host: at, port, path, headers, setHost: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => {
        resolve({ status: response.statusCode!, body });
      });
    });
    sent.on('error', reject).end();
  });
}

t.test('probes and scrapes need neither a token nor TLS, and come with the address of a pod', async (t) => {
  const { certFile: tlsCertFile, keyFile: tlsKeyFile } = makeCertificate(temporaryDirectory(t), 'bus');
  const options = { tlsCertFile, tlsKeyFile, probePort: 0, allowHosts: ['bus.example:6873'], journal: false };
  const repository = new ServedRepository(options);
  t.teardown(() => repository.stop());
  await repository.start();
  const port = repository.server.probePort!;
  t.same(await ask(port, '/livez', '10.1.2.3:8080'), { status: 200, body: '{"status":"ok"}\n' });
  t.match(await ask(port, '/readyz', '[fd00::7]:8080'), { status: 200, body: /"status":"ready".*"revision":0/ });
  t.match(await ask(port, '/metrics', 'bus.example'), { status: 200, body: /^muse_bus_ready 1$/m });
  t.match(await ask(port, '/metrics', 'localhost'), { status: 200 });
});

t.test('the port of probes serves nothing else, and no page of another site', async (t) => {
  const repository = new ServedRepository({ probePort: 0, journal: false });
  t.teardown(() => repository.stop());
  const { token } = await repository.start();
  const port = repository.server.probePort!;
  for (const path of ['/records', '/events', '/', '/challenge']) t.match(await ask(port, path), { status: 404 }, path);
  t.match(await ask(port, '/livez', 'rebound.example'), { status: 403, body: /--allow-host/ });
  t.match(await ask(port, '/livez', ''), { status: 400 });
  t.match(await ask(port, '/metrics?x=1'), { status: 400 });
  const socket = new Ws(`ws://127.0.0.1:${String(port)}`, ['muse-bus.v1.json', `muse-bus.bearer.${token}`]);
  t.ok(await new Promise((resolve) => socket.addEventListener('error', resolve)), 'not even with the token');
});

t.test('a server that sends its clients elsewhere is not ready, and takes no new ones', async (t) => {
  const repository = new ServedRepository({ probePort: 0, journal: false, drainMs: 100 });
  t.teardown(() => repository.stop());
  const { url, token } = await repository.start();
  const client = new Ws(url, ['muse-bus.v1.json', `muse-bus.bearer.${Buffer.from(token).toString('base64url')}`]);
  await new Promise((resolve) => client.once('open', resolve));
  const closed = new Promise((resolve) =>
    client.once('close', (code, reason) => {
      resolve(`${String(code)} ${String(reason)}`);
    }),
  );
  const drained = repository.server.drain();
  const { status, body } = await ask(repository.server.probePort!, '/readyz');
  t.match([status, body], [503, /the server is stopping/]);
  t.equal(await closed, '1001 shutdown retry=50');
  await drained;
  const late = new Ws(url, ['muse-bus.v1.json', `muse-bus.bearer.${Buffer.from(token).toString('base64url')}`]);
  t.match(await new Promise((resolve) => late.once('error', resolve)), { message: /503/ });
});

const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

t.test(
  'the port of probes is on the loopback interface unless it is said otherwise',
  { skip: OUTSIDE === undefined ? 'there is no other interface' : false },
  async (t) => {
    const repository = new ServedRepository({ probePort: 0, journal: false });
    t.teardown(() => repository.stop());
    await repository.start();
    await t.rejects(ask(repository.server.probePort!, '/livez', OUTSIDE, OUTSIDE));
  },
);

t.test('an edge that waits for NATS is alive, not ready, and tells its metrics', async (t) => {
  const url = `nats://127.0.0.1:${String(await freePort())}`;
  const edge = new EdgeServer({
    relay: { url },
    endpointFile: join(temporaryDirectory(t), 'edge.json'),
    port: 0,
    probePort: 0,
  });
  const started = edge.start().catch((error: unknown) => error as Error);
  await until('probes are answered', () => edge.probePort !== undefined);
  const port = edge.probePort!;
  t.match(await ask(port, '/livez'), { status: 200 });
  const known = {
    status: 'not ready',
    reason: /^NATS (has not answered yet|cannot be reached \(\w+\))/,
    relay: { state: 'connecting', sequence: 0 },
  };
  const { status, body } = await ask(port, '/readyz');
  t.equal(status, 503);
  t.match(JSON.parse(body), known);
  const metrics = await ask(port, '/metrics');
  t.match(metrics.body, /^muse_bus_edge_state\{state="connecting"\} 1$/m);
  t.match(metrics.body, /^muse_bus_edge_state\{state="following"\} 0$/m);
  t.match(metrics.body, /^muse_bus_ready 0$/m);
  await edge.stop();
  t.match(await started, { message: 'stopped before the records were complete' });
  await t.rejects(ask(port, '/livez'));
});
