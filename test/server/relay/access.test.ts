import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../../client/sdk/index.js';
import { EdgeServer, resolveOptions, type RelayOptions } from '../../../server/index.js';
import { EdgeFiles } from '../../../server/relay/edge-files.js';
import { connectNats } from '../../../server/relay/nats.js';
import { resolveRelay } from '../../../server/config/relay-options.js';
import { Command } from '../../support/command.js';
import { makeCertificate } from '../../support/certificate.js';
import { freePort } from '../../support/free-port.js';
import { withoutNats } from '../../support/nats-server.js';
import { edgeFor, natsFor, originFor } from '../../support/relay-parts.js';
import { ServedRepository } from '../../support/served-repository.js';
import { until } from '../../support/until.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SKIP = { skip: withoutNats };

t.test('a second origin is refused with the name of the first', SKIP, async (t) => {
  const nats = await natsFor(t);
  const first = await originFor(t, { url: nats.url });
  await until('it publishes', () => first.server.bus.relay?.health.state === 'publishing');
  const second = new ServedRepository();
  t.teardown(() => {
    second.dispose();
  });
  const command = Command.museBus(['serve', '--root', second.root, '--port', '0', '--relay', nats.url]);
  t.equal(await command.exit, 1);
  const said = command.errors.join('\n');
  t.match(said, `published already, by process ${String(process.pid)}`);
  t.ok(said.includes(first.root), 'and for which repository');
  t.match(said, /--relay-repository/, 'and what to do');
});

t.test('of two origins that start at the same moment exactly one publishes', SKIP, async (t) => {
  const nats = await natsFor(t);
  const both = [new ServedRepository({ relay: { url: nats.url } }), new ServedRepository({ relay: { url: nats.url } })];
  const refused: number[] = [];
  both.forEach(({ server }, i) => void server.relayRefused.then(() => refused.push(i)));
  await Promise.all(both.map((repository) => repository.start()));
  t.teardown(() => Promise.all(both.map((repository) => repository.stop())));
  const states = (): (string | undefined)[] => both.map(({ server }) => server.bus.relay?.health.state);
  await until('one publishes and one is refused', () => refused.length === 1 && states().includes('publishing'));
  t.not(states()[refused[0]!], 'publishing');
});

t.test('several repositories in one NATS do not affect each other', SKIP, async (t) => {
  const nats = await natsFor(t);
  for (const repository of ['shop', 'bank']) {
    const origin = await originFor(t, { url: nats.url, repository });
    origin.rename('task', repository, { title: repository });
    const edge = await edgeFor(t, { url: nats.url, repository });
    await until('it has come', () => edge.bus.hub.store.size > 0);
    t.strictSame([...edge.bus.hub.store.ids('task')], [repository]);
  }
});

t.test('user and password, or a token, are accepted by a NATS that requires them', SKIP, async (t) => {
  const cases: readonly { readonly config: string; readonly access: Partial<RelayOptions> }[] = [
    { config: 'authorization { user: muse, password: "s3cret" }', access: { user: 'muse', password: 's3cret' } },
    { config: 'authorization { token: "t0ken" }', access: { token: 't0ken' } },
  ];
  for (const { config, access } of cases) {
    const nats = await natsFor(t, { config });
    const relay = { url: nats.url, ...access };
    await originFor(t, relay);
    t.ok((await edgeFor(t, relay)).endpoint, config);
    const stranger = new EdgeServer({
      relay: { url: nats.url },
      endpointFile: join(temporaryDirectory(t), 'edge.json'),
      port: 0,
    });
    await t.rejects(stranger.start(), { name: 'OptionError', message: /refuses this access/ }, 'and nobody else');
  }
});

/** The configuration of SECURITY.md for several repositories in one NATS, with a user that may do everything. */
function documentedPermissions(...repositories: readonly string[]): string {
  const security = readFileSync(new URL('../../../SECURITY.md', import.meta.url), 'utf8');
  const [, users = ''] = /^```conf\nauthorization \{\n {2}users: \[\n(.*?)^ {2}\]\n\}\n```$/ms.exec(security) ?? [];
  const all = repositories.map((repository) => users.replaceAll('REPOSITORY', repository));
  return `authorization { users: [ { user: admin, password: "change-me" }\n${all.join('')}] }`;
}

for (const prefix of [undefined, 'answers.of']) {
  const where = prefix === undefined ? 'as they are' : 'with an inbox of another name';
  t.test(`the permissions that SECURITY.md names are enough, ${where}`, SKIP, async (t) => {
    const own = (side: string): string | undefined => prefix && `${prefix}.shop-${side}`;
    const config = ['origin', 'edge'].reduce(
      (config, side) => config.replaceAll(`_INBOX.muse-bus-${side}-of-shop`, own(side) ?? '$&'),
      documentedPermissions('shop', 'mill'),
    );
    const nats = await natsFor(t, { config });
    const as = (side: string): RelayOptions => ({
      url: nats.url,
      repository: 'shop',
      user: `shop-${side}`,
      password: 'change-me',
      inboxPrefix: own(side),
    });
    const origin = await originFor(t, as('origin'));
    const edge = await edgeFor(t, as('edge'));
    origin.rename('task', 'a', { title: 'a' });
    await until('it has come', () => edge.bus.hub.store.size === 1 && edge.bus.readiness.ready);
    const bus = await connect(edge.endpoint);
    t.teardown(() => bus.close());
    await bus.sync();
    await nats.stop();
    await nats.start();
    origin.rename('task', 'b', { title: 'b' });
    await until('it comes after a restart of NATS', () => edge.bus.hub.store.size === 2);
    t.equal(edge.bus.condition.contact.refusals.recent, undefined, 'and nothing was refused');
  });
}

t.test('an edge whose permissions do not fit its inbox says so', SKIP, async (t) => {
  const nats = await natsFor(t, { config: documentedPermissions('shop') });
  const relay = { url: nats.url, repository: 'shop', user: 'shop-edge', password: 'change-me', inboxPrefix: 'mine' };
  const edge = new EdgeServer({ relay, endpointFile: join(temporaryDirectory(t), 'edge.json'), port: 0 });
  const started = edge.start();
  started.catch(() => undefined);
  await until('it is refused', () => edge.bus.condition.contact.refusals.recent !== undefined);
  t.match(edge.bus.condition.readiness, { ready: false, why: /NATS refuses: Permissions Violation.*"mine\./ });
  await edge.stop();
  await t.rejects(started);
});

t.test('nobody reads, forges, purges or deletes what is not theirs', SKIP, async (t) => {
  const nats = await natsFor(t, { config: documentedPermissions('shop', 'mill') });
  const as = (user: string, repository: string): RelayOptions => ({
    url: nats.url,
    repository,
    user,
    password: 'change-me',
  });
  /** Makes what every user of the other repository sends and receives. */
  let stir = (): Promise<void> => Promise.resolve();
  for (const repository of ['shop', 'mill']) {
    const origin = await originFor(t, as(`${repository}-origin`, repository));
    const edge = await edgeFor(t, as(`${repository}-edge`, repository));
    origin.rename('task', 'a', { title: repository });
    await until('it has come', () => edge.bus.hub.store.size === 1);
    let changes = 1;
    // The stream sends it to an inbox of the edge, and the origin its answer to a barrier.
    stir = async () => {
      origin.rename('task', `a${String(++changes)}`, {});
      await edge.bus.readNow();
      await until('it has come', () => edge.bus.hub.store.size === changes);
    };
  }
  const connected = async (user: string) => {
    const nats = await connectNats(
      resolveRelay(as(user, 'shop'), 1_000).access,
      `muse-bus ${user.replace(/^.*-/, '')} of shop`,
    );
    t.teardown(() => nats.connection.close());
    return nats;
  };
  const { manager } = await connected('admin');
  const consumers = await manager.consumers.list('MUSE_mill').next();
  const own = await manager.consumers.list('MUSE_shop').next();
  /** What the streams hold, and who reads them. */
  const state = async (): Promise<unknown> => {
    const both = await Promise.all(['MUSE_shop', 'MUSE_mill'].map((name) => manager.streams.info(name)));
    return both.map(({ config, state: { messages, first_seq, last_seq, consumer_count } }) => ({
      messages,
      first_seq,
      last_seq,
      consumer_count,
      max_msgs: config.max_msgs,
    }));
  };
  const api = (what: string): string => `$JS.API.${what}`;
  const attempts: Readonly<Record<string, readonly (readonly [subject: string, data: object])[]>> = {
    forge: [
      ['muse.mill.task.a', {}],
      ['muse.mill.base', {}],
      ['muse-origin.mill.alive', {}],
    ],
    purge: [
      [api('STREAM.PURGE.MUSE_mill'), {}],
      [api('STREAM.PURGE.MUSE_shop'), {}],
    ],
    delete: [
      [api('STREAM.DELETE.MUSE_mill'), {}],
      [api('STREAM.DELETE.MUSE_shop'), {}],
      [api('STREAM.MSG.DELETE.MUSE_mill'), { seq: 1 }],
      [api('STREAM.MSG.DELETE.MUSE_shop'), { seq: 1 }],
      [api(`CONSUMER.DELETE.MUSE_mill.${consumers[0]!.name}`), {}],
      [api(`CONSUMER.DELETE.MUSE_shop.${own[0]!.name}`), {}],
    ],
    read: [
      [api('STREAM.MSG.GET.MUSE_mill'), { last_by_subj: 'muse.mill.task.a' }],
      [api('DIRECT.GET.MUSE_mill'), { last_by_subj: 'muse.mill.task.a' }],
      [api('STREAM.INFO.MUSE_mill'), {}],
      [api('CONSUMER.CREATE.MUSE_mill'), { stream_name: 'MUSE_mill', config: { ack_policy: 'none' } }],
      [api(`CONSUMER.MSG.NEXT.MUSE_mill.${consumers[0]!.name}`), {}],
      ['muse-origin.mill.ask', { ask: 'sync' }],
    ],
    change: [[api('STREAM.UPDATE.MUSE_mill'), { name: 'MUSE_mill', subjects: ['muse.mill.>'], max_msgs: 1 }]],
  };
  for (const user of ['shop-edge', 'shop-origin']) {
    const { connection, transport } = await connected(user);
    const heard: string[] = [];
    for (const subject of ['>', 'muse.mill.>', 'muse-origin.mill.>', '_INBOX.>', '_INBOX.muse-bus-edge-of-mill.>']) {
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (!error) heard.push(message.subject);
        },
      });
    }
    await connection.flush();
    await stir();
    const before = await state();
    for (const [what, requests] of Object.entries(attempts)) {
      for (const [subject, data] of requests) {
        const reply = connection.subscribe(transport.createInbox(`_INBOX.muse-bus-${user.slice(5)}-of-shop`), {
          callback: (error, message) => {
            if (!error) heard.push(`${what} ${subject}: ${message.string()}`);
          },
        });
        connection.publish(subject, JSON.stringify(data), { reply: reply.getSubject() });
      }
    }
    // An edge publishes nothing at all, not even for its own repository.
    if (user === 'shop-edge') connection.publish('muse.shop.task.a', 'anything');
    await connection.flush();
    t.same(await state(), before, user);
    t.same(heard, [], `${user} hears nothing`);
  }
});

for (const [host, names] of [
  ['localhost', 'DNS:localhost'],
  ['127.0.0.1', 'IP:127.0.0.1'],
] as const)
  t.test(`over TLS to ${host}, with the given certificate authority`, SKIP, async (t) => {
    const { certFile, keyFile } = makeCertificate(temporaryDirectory(t), 'nats', names);
    const nats = await natsFor(t, { config: `tls { cert_file: "${certFile}", key_file: "${keyFile}" }` });
    const relay = { url: nats.url.replace('127.0.0.1', host).replace('nats:', 'tls:'), caFile: certFile };
    await originFor(t, relay);
    t.ok((await edgeFor(t, relay)).endpoint);
  });

t.test('secrets come from the environment or a file, and are never shown', SKIP, async (t) => {
  const nats = await natsFor(t, { config: 'authorization { user: muse, password: "s3cret" }' });
  const passwordFile = join(temporaryDirectory(t), 'password');
  writeFileSync(passwordFile, 's3cret\n', { mode: 0o600 });
  const file = join(temporaryDirectory(t), 'edge.json');
  await originFor(t, { url: nats.url, user: 'muse', password: 's3cret' });
  const args = ['edge', '--relay', nats.url, '--relay-user', 'muse', '--port', '0', '--endpoint', file];
  const ways: readonly { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv }[] = [
    { args, env: { MUSE_BUS_RELAY_PASSWORD: 's3cret' } },
    { args: [...args, '--relay-password-file', passwordFile], env: {} },
  ];
  for (const { args, env } of ways) {
    const edge = Command.museBus(args, { env });
    await until('it serves', () => edge.lines.length > 0);
    edge.kill('SIGTERM');
    t.equal(await edge.exit, 0);
    t.notMatch([...edge.lines, ...edge.errors].join('\n'), 's3cret');
  }
  const config = Command.museBus(['config', '--root', temporaryDirectory(t)], {
    env: { MUSE_BUS_RELAY_PASSWORD: 's3cret' },
  });
  t.equal(await config.exit, 0);
  t.notMatch([...config.lines, ...config.errors].join('\n'), 's3cret');
});

t.test('several edges share a port, and each serves its part of the connections', SKIP, async (t) => {
  const nats = await natsFor(t);
  const origin = await originFor(t, { url: nats.url });
  origin.rename('task', 'a', { title: 'a' });
  const endpointFile = join(temporaryDirectory(t), 'edge.json');
  const port = await freePort();
  const options = { endpointFile, port, sharePort: true, transport: 'uws' } as const;
  const edges = [await edgeFor(t, { url: nats.url }, options), await edgeFor(t, { url: nats.url }, options)];
  const { url, token } = edges[1]!.endpoint!;
  t.equal(edges[0]!.endpoint?.token, token, 'they share a token');
  const clients = await Promise.all(Array.from({ length: 40 }, () => connect({ url, token })));
  t.teardown(() => Promise.all(clients.map((client) => client.close())));
  for (const { bus } of edges) t.ok(bus.connectionCount > 0, `${String(bus.connectionCount)} of 40`);
  await edges[0]!.stop();
  t.ok(readFileSync(endpointFile), 'the file stays while another serves');
});

t.test('a running edge takes a new token, and ends the sessions of the old one', SKIP, async (t) => {
  const nats = await natsFor(t);
  await originFor(t, { url: nats.url });
  const endpointFile = join(temporaryDirectory(t), 'edge.json');
  const edge = await edgeFor(t, { url: nats.url }, { endpointFile });
  const { url, token } = edge.endpoint!;
  const old = await connect({ url, token });
  t.teardown(() => old.close());
  await edge.reload();
  t.equal(edge.bus.connectionCount, 1, 'a token that has not changed ends nothing');
  const next = 'n'.repeat(43);
  writeFileSync(join(endpointFile, '..', 'edge.token'), `${next}\n`, { mode: 0o600 });
  await edge.reload();
  t.match(JSON.parse(readFileSync(endpointFile, 'utf8')), { url, token: next });
  await until('the old session has ended', () => edge.bus.connectionCount === 0);
  await t.rejects(connect({ url, token }), { code: 'unauthorized' });
  const client = await connect({ url: ['ws://127.0.0.1:1', url], token: next });
  await client.close();
  writeFileSync(join(endpointFile, '..', 'edge.token'), 'none\n', { mode: 0o600 });
  await t.rejects(edge.reload(), /holds no token/);
  await (await connect({ url, token: next })).close();
});

t.test('a barrier at an edge waits until the origin has read and its events have arrived', SKIP, async (t) => {
  const nats = await natsFor(t);
  // The origin polls so rarely that only the barrier can make it read.
  const origin = new ServedRepository({ relay: { url: nats.url }, backend: 'polling', pollIntervalMs: 3_600_000 });
  await origin.start();
  t.teardown(() => origin.stop());
  const edge = await edgeFor(t, { url: nats.url });
  const bus = await connect(edge.endpoint);
  t.teardown(() => bus.close());
  origin.rename('task', 'b', { title: 'b' });
  await bus.sync({ kind: 'task', id: 'b' });
  t.same(edge.bus.hub.store.get('task', 'b')?.data, { title: 'b' });
  origin.rename('task', 'c', { title: 'c' });
  await bus.sync();
  t.same(edge.bus.hub.store.get('task', 'c')?.data, { title: 'c' });
});

t.test("an edge's metrics and readiness show its origin, and its clients need its own token", SKIP, async (t) => {
  const nats = await natsFor(t);
  const origin = await originFor(t, { url: nats.url });
  const edge = await edgeFor(t, { url: nats.url });
  origin.rename('task', 'a', { title: 'a' });
  await until('it has come', () => edge.bus.hub.store.size > 0 && edge.bus.presence.isPresent);
  const { url, token } = edge.endpoint!;
  const at = url.replace('ws', 'http');
  const metrics = await fetch(`${at}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const text = await metrics.text();
  for (const line of [
    'muse_bus_origin_present 1',
    'muse_bus_relay_lag_seconds_count 1',
    'muse_bus_relay_behind_events 0',
  ]) {
    t.match(text, line);
  }
  const ready = (await (await fetch(`${at}/readyz`)).json()) as object;
  t.match(ready, { status: 'ready', healthy: true, origin: 'present', revision: 1 });
  t.equal((await fetch(`${at}/records`)).status, 401);
});

t.test('invalid options are refused before anything is opened', async (t) => {
  const cases: readonly (readonly [options: Partial<RelayOptions>, says: RegExp])[] = [
    [{ url: 'http://nats:4222' }, /nats:\/\/host:port/],
    [{ url: 'nats://user:s3cret@nats:4222' }, /must hold no credentials/],
    [{ repository: 'a.b' }, /1 to 64 of A-Z/],
    [{ credsFile: '/nowhere/x.creds' }, /cannot read the file of credentials/],
    [{ password: 'x' }, /needs a user/],
    [{ passwordFile: '/etc/hostname' }, /needs a user/],
    [{ tokenFile: '/nowhere/token' }, /cannot read the file of the token/],
    [{ inboxPrefix: '_INBOX.>' }, /the prefix of inboxes "_INBOX\.>" must be words/],
    [{ certFile: '/etc/hostname' }, /together/],
    [{ limits: { maxMessages: 1 } }, /maxMessages must be/],
  ];
  for (const [options, says] of cases) {
    t.throws(() => resolveRelay({ url: 'nats://nats:4222', ...options }, 5_000), says);
  }
  t.throws(() => resolveOptions({ root: '/', relay: { url: 'nats://u:s3cret@x:y:z' } }), /nats:\/\/…@x:y:z/, 'unseen');
  const edge = { relay: { url: 'nats://nats:4222' }, endpointFile: '/nowhere', sharePort: true, port: 0 };
  t.throws(() => new EdgeServer(edge), /--port N/);
});

t.test('a command without a required option names it; a secret in the address is not printed', async (t) => {
  const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['edge'], /--relay nats/],
    [['edge', '--relay', 'nats://nats:4222'], /--endpoint FILE/],
    [['edge', '--relay', 'nats://u:s3cret@nats:4222', '--endpoint', 'x'], /must not contain a user or password/],
    [['get', 'tasks', '--endpoint', '/nowhere/edge.json'], /cannot read \/nowhere\/edge.json/],
  ];
  const commands = cases.map(([args, says]) => ({ command: Command.museBus(args), says }));
  for (const { command, says } of commands) {
    t.equal(await command.exit, 1);
    const said = [...command.lines, ...command.errors].join('\n');
    t.match(said, says);
    t.notMatch(said, 's3cret');
  }
});

t.test('the first edge makes the token, once, and no other user can read it', async (t) => {
  const file = join(temporaryDirectory(t), 'deep', 'edge.json');
  const [first, second] = [new EdgeFiles(file), new EdgeFiles(file)];
  const token = first.token();
  t.equal(second.token(), token);
  t.equal(statSync(first.tokenFile).mode & 0o777, 0o600);
  writeFileSync(first.tokenFile, 'short\n');
  t.throws(() => second.token(), /holds no token/);
  rmSync(first.tokenFile);
  t.throws(() => second.tokenAgain(), /is missing/, 'who replaces it may have removed it first');
  t.notOk(existsSync(first.tokenFile));
});
