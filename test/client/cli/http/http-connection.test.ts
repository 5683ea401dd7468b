import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HttpConnection } from '../../../../client/cli/commands/http-connection.js';
import { askServer } from '../../../../client/cli/commands/server-holding.js';
import { askHolding } from '../../../../client/cli/hook/holding.js';
import { parseAddress } from '../../../../protocol/index.js';
import { endpointText, makeToken, ownEndpoint } from '../../../../server/repository/index.js';
import { inFuture } from '../../../support/leases.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { TRANSPORTS } from '../../../support/running-server.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { TemporaryRepository } from '../../../support/temporary-repository.js';

const MAX_BYTES = 1_000;
const signal = AbortSignal.timeout(30_000);

function addressOf(text: string) {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.address;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

/** Leaves an endpoint behind, as a server that is killed does. */
function leave(repository: TemporaryRepository, endpoint: string): void {
  for (const directory of [repository.bus, repository.state]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, 'endpoint.json'), endpoint, { mode: 0o600 });
  }
}

/** A program on a port that does something with each connection. @returns its url, and what it was told. */
async function program(t: Test, meet: (socket: Socket, said: () => string) => void) {
  let said = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      said += bytes.toString();
      meet(socket, () => said);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, said: () => said };
}

function connection(t: Test, url: string, until = signal): HttpConnection {
  const made = new HttpConnection(url, until);
  t.teardown(() => {
    made.close();
  });
  return made;
}

for (const transport of TRANSPORTS) {
  t.test(
    `${transport}: the holders of more addresses than one request takes, from the server that wrote the endpoint`,
    async (t) => {
      const repository = new ServedRepository({ transport });
      t.teardown(() => repository.stop());
      const texts = Array.from({ length: 45 }, (_, i) => `src/file${String(i)}.py`);
      for (const [i, text] of texts.entries())
        repository.rename('reservation', `r${String(i)}`, {
          run_id: 'a',
          addresses: [text],
          expires_at: inFuture(60_000),
        });
      await repository.start();
      const found = await askServer({ root: repository.root, addresses: texts.map(addressOf), run: 'a' }, signal);
      t.equal(found?.holders.length, 45);
      t.equal(found?.unread, undefined);
      t.equal(found?.situation?.leases.length, 45);
    },
  );
}

t.test('two questions go over one connection, and a third after its end over none', async (t) => {
  let answers = 0;
  const { url, said } = await program(t, (socket) => {
    const isLast = ++answers === 2;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${String(answers)}`);
    if (isLast) socket.end();
  });
  const asked = connection(t, url);
  t.same(await asked.get('/one', { a: 'b' }, MAX_BYTES), { status: 200, body: '1' });
  t.same(await asked.get('/two', {}, MAX_BYTES), { status: 200, body: '2' });
  await t.rejects(asked.get('/three', {}, MAX_BYTES), { code: 'unreachable' });
  const host = new URL(url).host;
  t.equal(said(), `GET /one HTTP/1.1\r\nhost: ${host}\r\na: b\r\n\r\nGET /two HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
});

t.test(
  'a connection that is refused, or ends before an answer, is nobody who answers; half an answer is an error',
  async (t) => {
    const { url } = await program(t, (socket, said) => {
      if (said().includes('/half')) socket.write('HTTP/1.1 200 OK\r\n');
      socket.end();
    });
    await t.rejects(connection(t, 'http://127.0.0.1:1').get('/', {}, MAX_BYTES), { code: 'unreachable' });
    await t.rejects(connection(t, url).get('/', {}, MAX_BYTES), { code: 'unreachable' });
    await t.rejects(connection(t, url).get('/half', {}, MAX_BYTES), { message: /before the answer did/ });
  },
);

t.test('a server that never answers is waited for until the signal', async (t) => {
  const { url } = await program(t, () => undefined);
  const why = new Error('enough');
  const abort = new AbortController();
  const asked = connection(t, url, abort.signal).get('/', {}, MAX_BYTES);
  abort.abort(why);
  await t.rejects(asked, why);
  await t.rejects(connection(t, url, abort.signal).get('/', {}, MAX_BYTES), why, 'and not at all after it');
});

const STRANGERS: Readonly<Record<string, string>> = {
  'does not prove that it knows the token': 'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"proof":"x"}',
  'is no server of HTTP': 'hello\r\n',
  'never stops': `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5_000)}`,
};

for (const [what, answer] of Object.entries(STRANGERS)) {
  t.test(`a program on the port that ${what} is told no token, and counts as no server`, async (t) => {
    const { url, said } = await program(t, (socket) => socket.write(answer));
    const repository = TemporaryRepository.for(t);
    const token = makeToken();
    leave(repository, endpointText(ownEndpoint(url.replace('http', 'ws'), token, new Date())));
    t.equal(await askServer({ root: repository.root, addresses: [addressOf('src/a.py')] }, signal), undefined);
    t.match(said(), /^GET \/challenge\?nonce=/);
    t.notMatch(said(), token);
  });
}

t.test(
  'a hook waits 2 s for a server that never answers between edits, where what is not said is said at the next call',
  async (t) => {
    const { url } = await program(t, () => undefined);
    const repository = TemporaryRepository.for(t);
    leave(repository, endpointText(ownEndpoint(url.replace('http', 'ws'), makeToken(), new Date())));
    const question: Omit<Parameters<typeof askHolding>[0], 'when'> = {
      root: repository.root,
      bus: { is: 'named', root: undefined, target: { root: undefined, server: undefined } },
      addresses: [],
      run: 'me',
      warn: () => undefined,
    };
    const clock = new ManualClock();
    let answer: unknown;
    void askHolding({ ...question, when: 'between edits' }, clock).then((given) => (answer = given));
    const pass = async (ms: number): Promise<void> => {
      clock.advance(ms);
      await settle();
      // What the sockets have brought is read before anything is given up.
      clock.advance(0);
      await settle();
    };
    await pass(1_900);
    clock.sleepThrough(3_600_000);
    await pass(1_900);
    t.equal(answer, undefined, 'a machine that slept counts from its waking');
    await pass(100);
    t.strictSame(answer, { is: 'unknown', why: 'the bus gave no answer within 2 s' });
  },
);
