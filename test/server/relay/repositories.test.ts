import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectTo } from '../../../client/sdk/connect.js';
import { connect } from '../../../client/sdk/index.js';
import { EdgeServer, type EdgeOptions, type Endpoint, type Log, type TransportChoice } from '../../../server/index.js';
import { Command } from '../../support/command.js';
import { freePort } from '../../support/free-port.js';
import { NatsServer, withoutNats } from '../../support/nats-server.js';
import { ServedRepository } from '../../support/served-repository.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { until } from '../../support/until.js';

const SKIP = { skip: withoutNats };

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
}

function ask(port: number, path: string, token?: string, host = `127.0.0.1:${String(port)}`): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const sent = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => {
        resolve({ status: response.statusCode!, body, location: response.headers.location });
      });
    });
    sent.on('error', reject).end();
  });
}

interface Line {
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A log that keeps its lines. */
function keptLog(): { readonly lines: Line[]; readonly log: Log } {
  const lines: Line[] = [];
  const keep = (fields: object, message: string): void => void lines.push({ fields: { ...fields }, message });
  return { lines, log: { debug: () => undefined, info: keep, warn: keep, error: keep } };
}

async function originFor(t: Test, url: string, repository: string): Promise<ServedRepository> {
  const origin = new ServedRepository({ relay: { url, repository }, heartbeatMs: 100 });
  await origin.start();
  t.teardown(() => origin.stop());
  origin.rename('task', `of-${repository}`, { title: repository });
  return origin;
}

async function edgeFor(t: Test, options: Partial<EdgeOptions>): Promise<EdgeServer> {
  const edge = new EdgeServer({ port: 0, probePort: 0, ...options });
  t.teardown(() => edge.stop());
  await edge.start();
  return edge;
}

async function idsAt(endpoint: Pick<Endpoint, 'url' | 'token'>): Promise<readonly string[]> {
  // As with an endpoint file: the server proves below the path that it knows the token.
  const bus = await connectTo(() => ({ ...endpoint, isCallers: false }));
  const ids: string[] = [];
  for await (const update of bus.subscribe({ kinds: ['task'] }).updates()) {
    if (update.type === 'synced') break;
    if (update.type === 'event') ids.push(update.event.id);
  }
  await bus.close();
  return ids;
}

for (const transport of ['uws', 'ws'] as const satisfies readonly TransportChoice[]) {
  t.test(
    `${transport}: one edge serves several repositories, each with its path, token and limits`,
    SKIP,
    async (t) => {
      const nats = await NatsServer.start();
      t.teardown(() => nats.dispose());
      const [shop, mill] = [await originFor(t, nats.url, 'shop'), await originFor(t, nats.url, 'mill')];
      const directory = temporaryDirectory(t);
      const file = (name: string): string => join(directory, name);
      const { lines, log } = keptLog();
      // No origin publishes the third, and nothing answers where the fourth should be: both are ill, and the others are not.
      const nowhere = `nats://127.0.0.1:${String(await freePort())}`;
      const edge = await edgeFor(t, {
        transport,
        log,
        maxStalenessMs: 1_000,
        repositories: [
          {
            relay: { url: nats.url, repository: 'shop' },
            endpointFile: file('shop.json'),
            limits: { maxConnections: 1 },
          },
          { relay: { url: nats.url, repository: 'mill' }, path: '/wind', tokenFile: file('mill.token') },
          { relay: { url: nats.url, repository: 'absent' }, tokenFile: file('absent.token') },
          { relay: { url: nowhere, repository: 'unreached' }, tokenFile: file('unreached.token') },
        ],
      });
      const [atShop, atMill, atAbsent] = edge.services.map((service) => service.endpoint!);
      const port = Number(new URL(atShop!.url).port);
      const probes = edge.probePort!;
      const isReady = (i: number): boolean => edge.services[i]!.bus.readiness.ready;
      await until('the two that can be served are', () => isReady(0) && isReady(1));

      t.equal(new Set([atShop!.token, atMill!.token, atAbsent!.token]).size, 3, 'each has a token of its own');
      t.strictSame(
        JSON.parse(readFileSync(file('shop.json'), 'utf8')),
        atShop,
        'and a file says where, if it is wanted',
      );
      t.equal(atMill!.url, `ws://127.0.0.1:${String(port)}/wind`);
      t.strictSame(await idsAt(atShop!), ['of-shop']);
      t.strictSame(await idsAt(atMill!), ['of-mill']);
      await t.rejects(
        connect({ url: atShop!.url, token: atMill!.token }),
        { code: 'unauthorized' },
        'a token opens its own',
      );
      await t.rejects(connect({ url: `ws://127.0.0.1:${String(port)}`, token: atMill!.token }), { message: /404/ });

      const first = await connect({ url: atShop!.url, token: atShop!.token });
      await t.rejects(
        connect({ url: atShop!.url, token: atShop!.token }),
        { code: 'unreachable' },
        'a limit of its own',
      );
      t.strictSame(await idsAt(atMill!), ['of-mill'], 'which leaves the others alone');

      t.match(await ask(port, '/wind/records?kind=task', atMill!.token), { status: 200, body: /"of-mill"/ });
      t.match(await ask(port, '/shop/records?kind=task', atMill!.token), { status: 401 });
      t.match(await ask(port, '/wind/records/', atMill!.token), { status: 404, body: /did you mean \/records/ });
      t.match(
        await ask(port, '/wind?a=1'),
        { status: 308, location: '/wind/?a=1' },
        'the page is at the path with a slash',
      );
      t.match(await ask(port, '/wind'), { status: 308, location: /^\/wind\/$/ });
      t.match(
        await ask(port, '/wind/'),
        { status: 200, body: /src="\.\/inspector\.js"/ },
        'and its links are below it',
      );
      t.match(await ask(port, '/absent/records', atAbsent!.token), { status: 503, body: /starting/ });
      t.match(await ask(port, '/absent/readyz'), { status: 503, body: /there are no records yet/ });
      t.match(await ask(port, '/wind/readyz'), { status: 200 });
      t.match(await ask(port, '/healthz'), { status: 200 });
      t.match(await ask(port, '/healthz', undefined, 'rebound.example'), { status: 403 });
      t.match(await ask(port, '/wind', undefined, 'rebound.example'), { status: 403 });
      for (const path of ['/', '/records', '/metrics', '/nothing/records', '//wind/records', '/wind%2f'])
        t.match(await ask(port, path, atMill!.token), { status: 404, body: /no repository is served here/ }, path);

      await until('the edge has waited for the ill ones', async () => (await ask(probes, '/readyz')).status === 200);
      const { body } = await ask(probes, '/readyz');
      t.match(JSON.parse(body), {
        status: 'ready',
        repositories: 4,
        ready: 2,
        each: [
          { path: '/shop', status: 'ready' },
          { path: '/wind', status: 'ready' },
          { path: '/absent', status: 'not ready', reason: 'there are no records yet' },
          { path: '/unreached', status: 'not ready', reason: /^NATS (has not answered yet|cannot be reached)/ },
        ],
      });
      t.notMatch((await ask(port, '/readyz')).body, /shop|wind/, 'without a token nobody is told which there are');
      t.match(await ask(probes, '/absent/readyz'), { status: 503 });
      t.match(await ask(probes, '/nothing/readyz'), { status: 404 });
      const metrics = (await ask(probes, '/metrics')).body;
      t.match(metrics, /^muse_bus_ready\{repository="shop"\} 1$/m);
      t.match(metrics, /^muse_bus_ready\{repository="absent"\} 0$/m);
      t.match(metrics, /^muse_bus_edge_state\{repository="wind",state="following"\} 1$/m);
      t.match(metrics, /^muse_bus_records\{repository="wind",kind="task"\} 1$/m);
      t.match(metrics, /^muse_bus_info\{version="[^"]+",node="[^"]+"\} 1$/m, 'what is of the process is there once');
      t.equal(metrics.match(/^# TYPE muse_bus_ready /gm)?.length, 1);
      t.match(
        (await ask(port, '/wind/metrics', atMill!.token)).body,
        /^muse_bus_ready 1$/m,
        'below a path its own only',
      );
      const said = lines
        .filter(({ message }) => message === 'ready for clients')
        .map(({ fields }) => fields['repository']);
      t.strictSame([...new Set(said)].sort(), ['shop', 'wind'], 'a line in the log says of which it is');

      writeFileSync(file('mill.token'), `${'n'.repeat(43)}\n`);
      writeFileSync(file('absent.token'), 'none\n');
      await t.rejects(edge.reload(), { name: 'OptionError', message: /absent\.token holds no token/ });
      t.strictSame(
        await idsAt({ url: atMill!.url, token: 'n'.repeat(43) }),
        ['of-mill'],
        'the others are read nevertheless',
      );
      await t.rejects(connect({ url: atMill!.url, token: atMill!.token }), { code: 'unauthorized' });
      t.equal(first.status.state, 'live', 'and whose token is the same stays');
      shop.rename('task', 'later', {});
      mill.rename('task', 'later', {});
      await first.sync();
      await until('both go on', () => edge.services.slice(0, 2).every(({ bus }) => bus.hub.store.size === 2));
      await first.close();
    },
  );
}

t.test(
  'a process of an edge reads its list of repositories and their tokens again at SIGHUP',
  { skip: withoutNats || (process.platform === 'win32' && 'Windows has no SIGHUP') },
  async (t) => {
    const nats = await NatsServer.start();
    t.teardown(() => nats.dispose());
    const shop = await originFor(t, nats.url, 'shop');
    await originFor(t, nats.url, 'mill');
    const directory = temporaryDirectory(t);
    const file = (name: string): string => join(directory, name);
    const list = (...repositories: readonly object[]): void => {
      writeFileSync(file('list.json'), JSON.stringify({ repositories }));
    };
    const [atShop, atMill] = ['shop', 'mill'].map((name) => ({ relay_repository: name, endpoint: `${name}.json` }));
    list(atShop!);
    const edge = Command.museBus(['edge', '--relay', nats.url, '--port', '0', '--repositories', file('list.json')]);
    t.teardown(() => edge.kill('SIGKILL'));
    const endpointOf = async (name: string): Promise<Endpoint> => {
      await until(`${name} is served, after ${edge.errors.slice(-3).join('\n')}`, () =>
        existsSync(file(`${name}.json`)),
      );
      return JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as Endpoint;
    };
    const isServed = async (endpoint: Endpoint, id: string): Promise<void> => {
      await until(`${id} is there`, () =>
        idsAt(endpoint).then(
          (ids) => ids.includes(id),
          () => false,
        ),
      );
    };
    const said = (text: string): number => edge.errors.filter((line) => line.includes(text)).length;
    const first = await endpointOf('shop');
    await isServed(first, 'of-shop');
    const client = await connect(first);
    t.teardown(() => client.close());

    list(atShop!, atMill!);
    edge.kill('SIGHUP');
    const second = await endpointOf('mill');
    await isServed(second, 'of-mill');
    t.equal(client.status.state, 'live', 'who is connected to another notices nothing');

    writeFileSync(file('mill.token'), `${'n'.repeat(43)}\n`);
    for (const bad of ['{', '{"repositories":[]}', '{"repositories":[{"relay_repository":"shop","token":"x"}]}']) {
      const before = said('the repositories stay as they were');
      writeFileSync(file('list.json'), bad);
      edge.kill('SIGHUP');
      await until('it says so', () => said('the repositories stay as they were') > before);
    }
    list(atShop!, { ...atMill, token_file: 'shop.token' });
    edge.kill('SIGHUP');
    await until('it says so, too', () => said('have one token file') > 0);
    await isServed({ ...second, token: 'n'.repeat(43) }, 'of-mill');
    await t.rejects(connect(second), { code: 'unauthorized' }, 'tokens are read whatever the list is');
    shop.rename('task', 'later', {});
    await isServed(first, 'later');
    t.equal(client.status.state, 'live');

    list({ ...atMill, limits: { max_connections: 1 } });
    edge.kill('SIGHUP');
    await until('the first is gone', () => !existsSync(file('shop.json')));
    const port = Number(new URL(first.url).port);
    t.match(await ask(port, '/shop/records', first.token), { status: 404 });
    await until('its client was sent away', () => client.status.state !== 'live');
    const only = { ...(await endpointOf('mill')), token: 'n'.repeat(43) };
    await isServed(only, 'of-mill');
    const one = await connect(only);
    await t.rejects(connect(only), { code: 'unreachable' }, 'what has changed counts');
    await one.close();
    edge.kill('SIGTERM');
    t.equal(await edge.exit, 0);
  },
);

const RELAY = { url: 'nats://127.0.0.1:1' };

t.test('what cannot be served as it is named is refused before anything is begun', (t) => {
  const directory = temporaryDirectory(t);
  const token = (name: string): string => join(directory, name);
  const shop = { relay: { ...RELAY, repository: 'shop' }, tokenFile: token('shop') };
  const cases: readonly (readonly [what: string, options: object, message: RegExp])[] = [
    ['no repository', { repositories: [] }, /at least one/],
    ['neither', {}, /relay and endpointFile, or repositories/],
    ['both', { repositories: [shop], relay: RELAY, endpointFile: 'x' }, /in each of them/],
    ['one path twice', { repositories: [shop, { ...shop, tokenFile: token('b') }] }, /have one path, \/shop/],
    [
      'one token for two',
      { repositories: [shop, { ...shop, path: '/other' }] },
      /repositories of \/shop and \/other have one token file/,
    ],
    ['no token', { repositories: [{ relay: shop.relay }] }, /the file of its endpoint, or of its token/],
    ['no relay', { repositories: [{ tokenFile: 'x' }] }, /needs relay/],
    [
      'an unknown option',
      { repositories: [{ ...shop, tokenfile: 'x' }] },
      /no option "tokenfile"; did you mean tokenFile/,
    ],
    ['a path that is the edge’s own', { repositories: [{ ...shop, path: '/readyz' }] }, /none of \/healthz/],
    ['a path of two parts', { repositories: [{ ...shop, path: '/a/b' }] }, /must be \/ and 1 to 64/],
    ['no name and no path', { repositories: [{ relay: RELAY, tokenFile: 'x' }] }, /the path "\/" must be/],
    ['an unknown limit', { repositories: [{ ...shop, limits: { maxConnection: 1 } }] }, /did you mean maxConnections/],
  ];
  for (const [what, options, message] of cases) {
    t.throws(() => new EdgeServer(options), { name: 'OptionError', message }, what);
  }
  t.end();
});

t.test('a file that holds no token ends the start, with its name', async (t) => {
  const file = join(temporaryDirectory(t), 'shop.token');
  writeFileSync(file, 'none\n', { mode: 0o600 });
  const edge = new EdgeServer({
    port: 0,
    repositories: [{ relay: { ...RELAY, repository: 'shop' }, tokenFile: file }],
  });
  await t.rejects(edge.start(), { name: 'OptionError', message: new RegExp(`${file} holds no token`) });
});
