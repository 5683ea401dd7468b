import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, get, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { WebSocketServer } from 'ws';
import { BusError, connect } from '../../../client/sdk/index.js';
import { BusServer } from '../../../server/index.js';
import { endpointText, findEndpoint, makeToken, ownEndpoint, type Endpoint } from '../../../server/repository/index.js';
import { Command } from '../../support/command.js';
import { makeCertificate } from '../../support/certificate.js';
import { TRANSPORTS } from '../../support/running-server.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const TOKEN = makeToken();

/** The endpoint file that a server leaves behind when it does not stop in order. */
function leave(repository: TemporaryRepository, endpoint: Endpoint, mode = 0o600): void {
  for (const directory of [repository.bus, repository.state]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, 'endpoint.json'), endpointText(endpoint), { mode });
    chmodSync(join(directory, 'endpoint.json'), mode);
  }
}

/** Another program on a port, which records every byte that it receives. */
async function stranger(
  t: Test,
  answer: RequestListener,
): Promise<{ readonly url: string; readonly said: () => string }> {
  let said = '';
  const server = createServer((request, response) => {
    said += `${request.url ?? ''} ${request.rawHeaders.join(' ')}\n`;
    answer(request, response);
  });
  server.on('upgrade', (request, socket) => {
    said += `${request.url ?? ''} ${request.rawHeaders.join(' ')}\n`;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`, said: () => said };
}

const STRANGERS: Readonly<Record<string, RequestListener>> = {
  'answers 404 to everything': (_request, response) => response.writeHead(404).end(),
  'answers 200 and nothing': (_request, response) => response.end(),
  'says back what it is asked': ({ url = '' }, response) => response.end(JSON.stringify({ proof: url.split('=')[1] })),
  'answers something else than JSON': (_request, response) => response.end('<html>'),
  'answers null': (_request, response) => response.end('null'),
  'answers without an end': (_request, response) => response.end('x'.repeat(100_000)),
  'leads somewhere else': (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
};

for (const [what, answer] of Object.entries(STRANGERS)) {
  t.test(`after a crash, a stranger on the port who ${what} is told no token`, async (t) => {
    const repository = TemporaryRepository.for(t);
    const { url, said } = await stranger(t, answer);
    leave(repository, ownEndpoint(url, TOKEN, new Date()));
    const error: unknown = await connect({ root: repository.root }).catch((reason: unknown) => reason);
    t.ok(error instanceof BusError);
    t.match((error as BusError).code, /^(untrusted-endpoint|unreachable)$/);
    t.match(said(), /\/challenge\?nonce=/, 'it was asked');
    t.notMatch(said(), TOKEN, 'and told nothing');
  });
}

t.test('a stranger who asks the living server for the answer gets none that fits another port', async (t) => {
  for (const transport of TRANSPORTS) {
    const repository = TemporaryRepository.for(t);
    const server = new BusServer({ root: repository.root, port: 0, transport });
    t.teardown(() => server.stop());
    const { url: own, token } = await server.start();
    for (const isHostKept of [true, false]) {
      const relay = await stranger(t, (request, response) => {
        const headers = isHostKept ? { host: request.headers.host } : { host: new URL(own).host };
        get(`${own.replace('ws', 'http')}${request.url ?? ''}`, { headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500);
          answer.pipe(response);
        });
      });
      const other = TemporaryRepository.for(t);
      leave(other, ownEndpoint(relay.url, token, new Date()));
      await t.rejects(connect({ root: other.root }), { code: 'untrusted-endpoint' });
      t.notMatch(relay.said(), token);
    }
  }
});

t.test('a server that goes away once it has proven itself is no reason to tell the next one', async (t) => {
  const repository = TemporaryRepository.for(t);
  const server = new BusServer({ root: repository.root, port: 0 });
  t.teardown(() => server.stop());
  const { url: own, token } = await server.start();
  const { challengeProof } = await import('../../../server/repository/index.js');
  // This program knows the token, as the server did, and closes the connection; the next program on the port does not know it.
  const { url, said } = await stranger(t, (request, response) => {
    const nonce = new URL(request.url ?? '', own).searchParams.get('nonce') ?? '';
    const proof = challengeProof(token, nonce, request.headers.host ?? '');
    response.writeHead(200, { connection: 'close' }).end(JSON.stringify({ proof }));
  });
  const other = TemporaryRepository.for(t);
  leave(other, ownEndpoint(url, token, new Date()));
  await t.rejects(connect({ root: other.root }), { code: 'unreachable' });
  t.notMatch(said(), token);
});

t.test('an endpoint is believed only of a living process of this user, in a file of this user’s alone', async (t) => {
  const own = (url: string): Endpoint => ownEndpoint(url, TOKEN, new Date());
  type Leave = (repository: TemporaryRepository, url: string) => void;
  const inBus = (repository: TemporaryRepository): string => join(repository.bus, 'endpoint.json');
  const planted =
    (plant: (file: string) => void): Leave =>
    (repository, url) => {
      mkdirSync(repository.bus, { mode: 0o700 });
      writeFileSync(inBus(repository), endpointText(own(url)), { mode: 0o600 });
      plant(inBus(repository));
    };
  const ways: readonly (readonly [what: string, leave: Leave, why: RegExp])[] = [
    [
      'of a process that has ended',
      (r, url) => leave(r, { ...own(url), pid: 2 ** 22 + 1 }),
      /is left over from process \d+, which has ended/,
    ],
    ['of an earlier boot', (r, url) => leave(r, { ...own(url), boot_id: 'earlier' }), /has ended/],
    [
      'of a process with the same pid',
      (r, url) => leave(r, { ...own(url), process_started: '1' }),
      /not the one that wrote it/,
    ],
    ['of a process of another user', (r, url) => leave(r, { ...own(url), pid: 1, uid: 12_345 }), /not the one/],
    ['that others can read', (r, url) => leave(r, own(url), 0o644), /has mode 644/],
    ['with a second name', planted((file) => linkSync(file, `${file}.other`)), /second name/],
    [
      'that is a link',
      planted((file) => {
        renameSync(file, `${file}.real`);
        symlinkSync(`${file}.real`, file);
      }),
      /is a symbolic link/,
    ],
    [
      'in a directory that others can write to',
      planted((file) => chmodSync(join(file, '..'), 0o777)),
      /others can write to/,
    ],
    [
      'as a checkout brings it',
      planted((file) => writeFileSync(file, JSON.stringify({ url: 'ws://127.0.0.1:1', token: 'x', pid: 1 }))),
      /names process 1/,
    ],
    [
      'that came with a copy of another checkout, whose server runs',
      (r, url) => leave(r, { ...own(url), repository: { path: '/srv/other', device: '1', inode: '1' } }),
      /names the server of \/srv\/other/,
    ],
    ['that is no endpoint', planted((file) => writeFileSync(file, '[]')), /names no bus/],
    [
      'with a line break in its url',
      planted((file) =>
        writeFileSync(file, JSON.stringify({ ...own('ws://127.0.0.1:1'), url: 'ws://127.0.0.1:1\n✔ fine' })),
      ),
      /names no bus/,
    ],
  ];
  if (process.platform !== 'linux') return;
  for (const [what, leaveIt, why] of ways) {
    const repository = TemporaryRepository.for(t);
    const { url, said } = await stranger(t, (_request, response) => response.end());
    leaveIt(repository, url);
    const found = findEndpoint(repository.root);
    t.match(found, { is: 'untrusted', why }, what);
    await t.rejects(connect({ root: repository.root }), { code: 'untrusted-endpoint', message: why }, what);
    t.equal(said(), '', `${what}: nobody is asked anything`);
  }
});

t.test(
  'a token that a caller gives goes only to a url that the caller gives, and a file’s only to the file’s',
  async (t) => {
    const repository = TemporaryRepository.for(t);
    const server = new BusServer({ root: repository.root, port: 0 });
    t.teardown(() => server.stop());
    const { url, token } = await server.start();
    const { root } = repository;
    const other = await stranger(t, (_request, response) => response.end());
    await t.rejects(connect({ root, url: other.url }), {
      code: 'untrusted-endpoint',
      message: /does not go to another url/,
    });
    await t.rejects(connect({ root, token: 'my-own' }), { code: 'untrusted-endpoint', hint: /give the url/ });
    t.equal(other.said(), '');
    for (const given of [{ root }, { root, url }, { root, token }, { url, token }])
      await (await connect(given)).close();
  },
);

t.test(
  'a command that finds another program on the port reads the files instead, and says so in one line',
  async (t) => {
    const repository = TemporaryRepository.for(t);
    repository.rename('task', 'a', { title: 'from the file' });
    const { url, said } = await stranger(t, (_request, response) => response.writeHead(404).end());
    leave(repository, ownEndpoint(url, TOKEN, new Date()));
    const watch = Command.museBus(['watch', '--once', '--json', '--root', repository.root]);
    t.equal(await watch.exit, 0);
    t.match(watch.json()[0], { id: 'a' });
    t.equal(watch.errors.length, 1);
    t.match(watch.errors[0], /does not know this repository's token\. No token was sent; the files are read instead/);
    t.notMatch(said(), TOKEN);
  },
);

t.test('the challenge is answered on both engines, for one nonce, under a name that is the server’s own', async (t) => {
  for (const transport of TRANSPORTS) {
    const repository = TemporaryRepository.for(t);
    const server = new BusServer({ root: repository.root, port: 0, transport });
    t.teardown(() => server.stop());
    const { url, token } = await server.start();
    const place = url.replace('ws', 'http');
    const nonce = 'n'.repeat(43);
    const asked = await fetch(`${place}/challenge?nonce=${nonce}`);
    const { challengeProof } = await import('../../../server/repository/index.js');
    t.same(await asked.json(), { proof: challengeProof(token, nonce, new URL(url).host) });
    for (const query of [
      '',
      '?nonce=',
      '?nonce=short',
      `?nonce=${nonce}&nonce=${nonce}`,
      `?nonce=${'n'.repeat(87)}`,
      '?nonce=%0a'.padEnd(40, 'n'),
    ]) {
      const refused = await fetch(`${place}/challenge${query}`);
      t.equal(refused.status, 400, `${transport} ${query}`);
      t.match(await refused.text(), /nonce must be given once/);
    }
  }
});

t.test('a WebSocket server of another program receives no token either', async (t) => {
  const repository = TemporaryRepository.for(t);
  const tcp = createTcpServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => tcp.once('listening', resolve));
  const { port } = tcp.address() as AddressInfo;
  await new Promise((resolve) => tcp.close(resolve));
  const seen: string[] = [];
  const sockets = new WebSocketServer({ port, host: '127.0.0.1' });
  sockets.on('connection', (_socket, request) => seen.push(request.rawHeaders.join(' ')));
  t.teardown(() => {
    sockets.close();
  });
  leave(repository, ownEndpoint(`ws://127.0.0.1:${String(port)}`, TOKEN, new Date()));
  await t.rejects(connect({ root: repository.root }), { code: 'untrusted-endpoint' });
  t.same(seen, []);
  t.ok(readFileSync(join(repository.bus, 'endpoint.json'), 'utf8').includes(TOKEN));
});

t.test('over TLS, too, the server proves itself first, and the token follows on the same connection', async (t) => {
  for (const transport of TRANSPORTS) {
    const repository = TemporaryRepository.for(t);
    const { certFile, keyFile } = makeCertificate(repository.root, 'bus');
    const server = new BusServer({
      root: repository.root,
      port: 0,
      transport,
      tlsCertFile: certFile,
      tlsKeyFile: keyFile,
    });
    t.teardown(() => server.stop());
    const { url } = await server.start();
    t.match(url, /^wss:\/\/127\.0\.0\.1:/);
    const client = await connect({ root: repository.root, ca: readFileSync(certFile) });
    t.equal(client.status.state, 'live', transport);
    await client.close();
    await t.rejects(connect({ root: repository.root }), BusError, 'a certificate that is not trusted is none');
  }
});
