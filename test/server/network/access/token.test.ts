import { chmodSync, linkSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { BusServer, renewToken } from '../../../../server/index.js';
import { stateLocation } from '../../../../server/repository/index.js';
import { Repository } from '../../../support/repository-on-disk.js';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { ask, handshake } from '../../../support/http-wire.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const busOf = ({ root }: Repository): string => join(root, '.muse', 'bus');
const stateOf = ({ root }: Repository): string => stateLocation(root).path;

for (const transport of TRANSPORTS) {
  t.test(transport, async (t) => {
    t.test('the token has 256 bits, lies in files of mode 0600, and is in no line of the log', async (t) => {
      const { token, repository, log, endpoint } = await serve(t, { transport });
      t.equal(Buffer.from(token, 'base64url').length, 32);
      t.equal(modeOf(busOf(repository)), 0o700);
      t.equal(modeOf(stateOf(repository)), 0o700);
      t.equal(modeOf(join(busOf(repository), 'endpoint.json')), 0o600);
      for (const name of ['token', 'endpoint.json']) t.equal(modeOf(join(stateOf(repository), name)), 0o600, name);
      t.same(JSON.parse(readFileSync(join(busOf(repository), 'endpoint.json'), 'utf8')), endpoint);
      t.ok(log.lines.length > 0);
      t.notOk(log.has(token));
    });

    t.test('rotating changes the files, ends every session with 4401, and refuses the old token', async (t) => {
      const running = await serve(t, { transport });
      const clients = [
        await RawClient.welcomed(running.endpoint),
        await RawClient.welcomed(running.endpoint, { encoding: 'json' }),
      ];
      const endpoint = running.server.rotateToken();
      t.not(endpoint.token, running.token);
      for (const client of clients) {
        await untilFound('closed', () => client.closed);
        t.match(client.closed, { code: 4401, reason: /token/ });
      }
      t.equal((await ask(running.port, handshake(running))).status, 401);
      t.equal((await ask(running.port, handshake({ port: running.port, token: endpoint.token }))).status, 101);
      const written = JSON.parse(readFileSync(join(busOf(running.repository), 'endpoint.json'), 'utf8')) as unknown;
      t.same(written, endpoint);
      t.same(running.server.endpoint, endpoint);
      t.notOk(running.log.has(endpoint.token));
    });

    t.test('reload takes a token that another process has written', async (t) => {
      const running = await serve(t, { transport });
      const client = await RawClient.welcomed(running.endpoint);
      const token = await renewToken(running.repository.root);
      t.ok(await client.isAlive(), 'not before it is asked for');
      await running.server.reload();
      await untilFound('closed', () => client.closed);
      t.equal(client.closed?.code, 4401);
      t.equal(running.server.endpoint?.token, token);
      t.equal((await ask(running.port, handshake({ port: running.port, token }))).status, 101);
      const other = await RawClient.welcomed(running.server.endpoint!);
      await running.server.reload();
      t.ok(await other.isAlive(), 'a reload that finds nothing new ends nothing');
      other.terminate();
    });

    t.test('a squatted port: the start fails, and no endpoint is written', async (t) => {
      const squatter = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => squatter.once('listening', resolve));
      t.teardown(() => squatter.close());
      const { port } = squatter.address() as AddressInfo;
      const repository = new Repository();
      t.teardown(() => repository.destroy());
      const server = new BusServer({ root: repository.root, port, transport });
      await t.rejects(server.start(), { code: 'EADDRINUSE' });
      t.throws(() => statSync(join(busOf(repository), 'endpoint.json')), { code: 'ENOENT' });
    });

    t.test('a port that another bus listens on is taken, too', async (t) => {
      const first = await serve(t, { transport });
      await t.rejects(serve(t, { transport, port: first.port }), { code: 'EADDRINUSE' });
    });
  });
}

t.test('a token that other users could have read or written is not used', async (t) => {
  const known = 'A'.repeat(43);
  const ways: readonly (readonly [what: string, put: (file: string) => void])[] = [
    [
      'one that others can read, mode 0644',
      (file) => {
        writeFileSync(file, `${known}\n`);
        chmodSync(file, 0o644);
      },
    ],
    [
      'one with a second name',
      (file) => {
        writeFileSync(`${file}.other`, known, { mode: 0o600 });
        linkSync(`${file}.other`, file);
      },
    ],
    [
      'a link',
      (file) => {
        writeFileSync(`${file}.target`, known, { mode: 0o600 });
        symlinkSync(`${file}.target`, file);
      },
    ],
    ['one that is too short', (file) => writeFileSync(file, 'short', { mode: 0o600 })],
    ['an empty one', (file) => writeFileSync(file, '', { mode: 0o600 })],
  ];
  for (const [what, put] of ways) {
    t.test(what, async (t) => {
      const repository = new Repository();
      mkdirSync(stateOf(repository), { recursive: true, mode: 0o700 });
      put(join(stateOf(repository), 'token'));
      const { token } = await serve(t, {}, repository);
      t.not(token, known);
      t.equal(lstatSync(join(stateOf(repository), 'token')).mode & 0o777, 0o600);
    });
  }
  t.test('a token in the repository is not used, whatever its mode: it may come from a checkout', async (t) => {
    const repository = new Repository();
    mkdirSync(busOf(repository), { mode: 0o700 });
    writeFileSync(join(busOf(repository), 'token'), `${known}\n`, { mode: 0o600 });
    t.not((await serve(t, {}, repository)).token, known);
  });
  t.test('the token of the server itself is kept', async (t) => {
    const repository = new Repository();
    mkdirSync(stateOf(repository), { recursive: true, mode: 0o700 });
    writeFileSync(join(stateOf(repository), 'token'), `${known}\n`, { mode: 0o600 });
    t.equal((await serve(t, {}, repository)).token, known);
  });
});

t.test('a bus directory that is a link is refused', async (t) => {
  const repository = new Repository();
  t.teardown(() => repository.destroy());
  mkdirSync(join(repository.root, 'elsewhere'));
  symlinkSync(join(repository.root, 'elsewhere'), busOf(repository));
  await t.rejects(new BusServer({ root: repository.root, port: 0 }).start(), { message: /not a directory/ });
});
