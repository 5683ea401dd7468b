import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import { BusServer, EdgeServer } from '../../../../server/index.js';
import { makeCertificate, writeCertificate } from '../../../support/certificate.js';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { ask, handshake, request } from '../../../support/http-wire.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { TemporaryRepository } from '../../../support/temporary-repository.js';

/** Returns the name on the certificate of a port; `undefined` if the connection fails. */
function shownAt(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', () => {
      resolve(undefined);
    });
  });
}

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    const path = temporaryDirectory(t);
    const files = makeCertificate(path, 'first');
    const server = await serve(t, { transport, tlsCertFile: files.certFile, tlsKeyFile: files.keyFile });
    const client = await RawClient.welcomed(server.endpoint);
    t.teardown(() => client.terminate());

    t.test('the endpoint has a wss URL, and a connection without TLS is not answered', async (t) => {
      t.match(server.endpoint.url, /^wss:/);
      t.equal((await ask(server.port, handshake(server), true)).status, 101);
      const plain = await ask(server.port, handshake(server), false, 1_000);
      t.ok(plain.status === 0 || plain.status === 400);
    });

    t.test('the origin of the server is https', async (t) => {
      const host = `Host: 127.0.0.1:${String(server.port)}`;
      const from = (scheme: string) =>
        request('GET /healthz', [host, `Origin: ${scheme}://127.0.0.1:${String(server.port)}`]);
      t.equal((await ask(server.port, from('https'), true)).status, 200);
      t.equal((await ask(server.port, from('http'), true)).status, 403);
    });

    t.test('new connections get the new certificate after a reload, and open ones continue', async (t) => {
      t.equal(await shownAt(server.port), 'first');
      writeCertificate(files, 'second');
      t.equal(await shownAt(server.port), 'first', 'not before it is asked for');
      await server.server.reload();
      await untilFound('the second', async () => (await shownAt(server.port)) === 'second');
      t.ok(await client.isAlive());
      t.equal((await ask(server.port, handshake(server), true)).status, 101);
    });

    t.test('ten reloads', async (t) => {
      for (let i = 0; i < 10; i++) await server.server.reload();
      await untilFound('answered', async () => (await shownAt(server.port)) === 'second');
      t.ok(await client.isAlive());
    });

    t.test('a certificate that does not match its key is refused, and the old one stays', async (t) => {
      writeFileSync(files.certFile, 'nonsense');
      await t.rejects(server.server.reload(), { name: 'OptionError', message: /tlsCertFile and tlsKeyFile/ });
      t.equal(await shownAt(server.port), 'second');
      t.ok(await client.isAlive());
      t.equal((await ask(server.port, handshake(server), true)).status, 101);
    });
  });

  t.test(`${transport}: beyond this machine`, async (t) => {
    t.test('without TLS only with insecure', async (t) => {
      const server = await serve(t, { transport, host: '0.0.0.0', insecure: true });
      t.equal(server.endpoint.url, `ws://127.0.0.1:${String(server.port)}`);
      t.equal((await ask(server.port, handshake(server))).status, 101);
      const wildcard = handshake(server, (headers) => [
        `Host: 0.0.0.0:${String(server.port)}`,
        ...headers.filter((line) => !line.startsWith('Host')),
      ]);
      t.equal((await ask(server.port, wildcard)).status, 403, '0.0.0.0 is no valid Host');
    });

    t.test('start fails with the path of a certificate that cannot be read, and nothing was made before', async (t) => {
      const options = { transport, tlsCertFile: '/nowhere.crt', tlsKeyFile: '/nowhere.key' };
      const failure = { name: 'OptionError', message: /cannot read tlsCertFile .*: there is no such file/ };
      const repository = TemporaryRepository.for(t);
      await t.rejects(new BusServer({ ...options, root: repository.root, port: 0 }).start(), failure);
      const endpointFile = join(temporaryDirectory(t), 'edge', 'endpoint.json');
      const edge = new EdgeServer({ ...options, relay: { url: 'nats://127.0.0.1:1' }, endpointFile });
      await t.rejects(edge.start(), failure);
      for (const made of [repository.bus, repository.state, dirname(endpointFile)]) t.notOk(existsSync(made), made);
    });
  });
}
