import { createUser, createAccount, createOperator, type KeyPair } from '@nats-io/nkeys';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectToNats } from '@nats-io/transport-node';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { EdgeServer } from '../../../server/index.js';
import { freePort } from '../../support/free-port.js';
import { withoutNats } from '../../support/nats-server.js';
import { edgeFor, natsFor, originFor } from '../../support/relay-parts.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { until } from '../../support/until.js';

const SKIP = { skip: withoutNats };

/** Writes a file in the place of another, as one renews credentials. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

t.test('an nkey opens NATS to an origin and an edge, and another one does not', SKIP, async (t) => {
  const [user, stranger] = [createUser(), createUser()];
  const directory = temporaryDirectory(t);
  const fileOf = (name: string, key: KeyPair): string => {
    const file = join(directory, name);
    writeFileSync(file, `# a comment\n${Buffer.from(key.getSeed()).toString()}\n`);
    return file;
  };
  const nats = await natsFor(t, { config: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }` });
  const relay = { url: nats.url, nkeyFile: fileOf('user.nk', user) };
  const origin = await originFor(t, relay);
  const edge = await edgeFor(t, relay);
  origin.rename('task', 'a', {});
  await until('it has come', () => edge.bus.hub.store.size === 1);
  const refused = new EdgeServer({
    relay: { url: nats.url, nkeyFile: fileOf('other.nk', stranger) },
    endpointFile: join(directory, 'other.json'),
    port: 0,
  });
  await t.rejects(refused.start(), { name: 'OptionError', message: /refuses this access/ });
});

t.test(
  'a password that was changed in NATS and in its file is used, and a file may be missing meanwhile',
  SKIP,
  async (t) => {
    const directory = temporaryDirectory(t);
    const passwordFile = join(directory, 'password');
    const users = (password: string): string =>
      `authorization { users: [ { user: origin, password: one }, { user: edge, password: ${password} } ] }`;
    const nats = await natsFor(t, { config: users('first') });
    writeFileSync(passwordFile, 'first\n', { mode: 0o600 });
    const origin = await originFor(t, { url: nats.url, user: 'origin', password: 'one' });
    const edge = await edgeFor(t, { url: nats.url, user: 'edge', passwordFile });
    rmSync(passwordFile);
    await nats.stop();
    await nats.start();
    await until('it is in again, as before', () => edge.bus.condition.contact.reconnects === 1);
    await nats.stop();
    await nats.start(users('second'));
    await until('NATS refuses it', () => edge.bus.condition.contact.refusals.recent !== undefined);
    writeFileSync(passwordFile, 'second\n', { mode: 0o600 });
    origin.rename('task', 'a', {});
    await until('it has come', () => edge.bus.hub.store.size === 1);
    t.equal(edge.bus.rebuilds, 1);
  },
);

interface Claims {
  readonly issuer: KeyPair;
  readonly subject: string;
  readonly name: string;
  readonly nats: object;
  readonly expiresInS?: number;
}

/** A JWT of NATS. */
function jwt({ issuer, subject, name, nats, expiresInS }: Claims): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const expiry = expiresInS === undefined ? {} : { exp: now + expiresInS };
  const claims = {
    jti: `${name}${String(now)}`,
    iat: now,
    iss: issuer.getPublicKey(),
    name,
    sub: subject,
    nats,
    ...expiry,
  };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}

t.test(
  'a JWT that has run out is replaced by the one that is in the file by then, and nothing is lost',
  SKIP,
  async (t) => {
    const [operator, system, account, user] = [createOperator(), createAccount(), createAccount(), createUser()];
    const limits = { subs: -1, data: -1, payload: -1 };
    const everything = { ...limits, imports: -1, exports: -1, conn: -1, leaf: -1, wildcards: true };
    const jetStream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const accountJwt = (of: KeyPair, name: string, own: object): string =>
      jwt({
        issuer: operator,
        subject: of.getPublicKey(),
        name,
        nats: { type: 'account', version: 2, limits: { ...everything, ...own } },
      });
    const operatorJwt = jwt({
      issuer: operator,
      subject: operator.getPublicKey(),
      name: 'operator',
      nats: { type: 'operator', version: 2 },
    });
    const creds = (expiresInS: number): string => {
      const text = jwt({
        issuer: account,
        subject: user.getPublicKey(),
        name: `user${String(expiresInS)}`,
        nats: { type: 'user', version: 2, ...limits },
        expiresInS,
      });
      const seed = Buffer.from(user.getSeed()).toString();
      return (
        `-----BEGIN NATS USER JWT-----\n${text}\n------END NATS USER JWT------\n\n` +
        `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`
      );
    };
    const accounts = [
      `${system.getPublicKey()}: ${accountJwt(system, 'system', {})}`,
      `${account.getPublicKey()}: ${accountJwt(account, 'shop', jetStream)}`,
    ];
    // JetStream needs a system account where operators are.
    const config = [
      `operator: ${operatorJwt}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload { ${accounts.join(', ')} }`,
    ].join('\n');
    const nats = await natsFor(t, { config });
    const directory = temporaryDirectory(t);
    const [credsFile, lasting] = [join(directory, 'edge.creds'), join(directory, 'origin.creds')];
    writeFileSync(lasting, creds(3_600));
    writeFileSync(credsFile, creds(3));
    const origin = await originFor(t, { url: nats.url, credsFile: lasting });
    const edge = await edgeFor(t, { url: nats.url, credsFile });
    origin.rename('task', 'a', {});
    await until('it has come', () => edge.bus.hub.store.size === 1);
    replace(credsFile, creds(3_600));
    await until('the connection was closed, and another one made', () => edge.bus.condition.contact.reconnects > 0);
    origin.rename('task', 'b', {});
    await until('what is new comes, too', () => edge.bus.hub.store.size === 2);
    t.equal(edge.bus.rebuilds, 1);
  },
);

t.test('an edge at a leaf node reads the hub’s stream by its domain, or a mirror of it in its own', SKIP, async (t) => {
  const leafPort = await freePort();
  const hub = await natsFor(t, {
    domain: 'hub',
    config: `server_name: hub\nleafnodes { listen: "127.0.0.1:${String(leafPort)}" }`,
  });
  const leaf = await natsFor(t, {
    domain: 'leaf',
    config: `server_name: leaf\nleafnodes { remotes: [ { url: "nats://127.0.0.1:${String(leafPort)}" } ] }`,
  });
  const origin = await originFor(t, { url: hub.url, repository: 'shop' });
  const far = await edgeFor(t, { url: leaf.url, repository: 'shop', domain: 'hub' });
  origin.rename('task', 'a', {});
  await until('it has come over the link', () => far.bus.hub.store.size === 1 && far.bus.readiness.ready);

  const admin = await connectToNats({ servers: leaf.url });
  t.teardown(() => admin.close());
  const manager = await jetstreamManager(admin, { checkAPI: false });
  await manager.streams.add({
    name: 'MUSE_shop',
    mirror: { name: 'MUSE_shop', external: { api: '$JS.hub.API', deliver: '' } },
  });
  const near = await edgeFor(t, {
    url: leaf.url,
    repository: 'shop',
    publicKeys: [origin.server.bus.relay!.publicKey!],
  });
  origin.rename('task', 'b', {});
  await until('it has come by the mirror', () => near.bus.hub.store.size === 2 && near.bus.readiness.ready);
  t.equal(near.bus.hub.epoch, far.bus.hub.epoch);
  t.equal(near.bus.hub.revision, far.bus.hub.revision);
  t.strictSame(near.bus.rejected.unsigned, 0, 'sequences are the same, so signatures hold');
});
