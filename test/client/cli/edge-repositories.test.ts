import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readEdgeRepositories } from '../../../client/cli/settings/edge-repositories.js';
import { resolveRelay } from '../../../server/config/relay-options.js';
import { resolveSettings } from '../../../client/cli/settings/resolve-settings.js';
import { Command } from '../../support/command.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const flags = (given: Readonly<Record<string, string>>) =>
  resolveSettings(new Map(Object.entries(given).map(([name, text]) => [name, [text]])), { XDG_CONFIG_HOME: '/nowhere' })
    .settings;

t.test('the file of repositories says what is of each; all else is the edge’s', (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'repositories.json');
  writeFileSync(join(directory, 'mill.password'), 's3cret\n');
  writeFileSync(
    file,
    JSON.stringify({
      repositories: [
        { relay_repository: 'shop', endpoint: 'shop.json', limits: { max_connections: 50 } },
        {
          relay_repository: 'mill',
          path: '/wind',
          token_file: '/run/mill.token',
          relay: 'tls://mill:4222',
          relay_user: 'mill',
          relay_password_file: 'mill.password',
          relay_public_key: ['k'.repeat(43)],
          max_staleness: 2.5,
        },
      ],
    }),
  );
  const settings = flags({ relay: 'nats://nats:4222', relayUser: 'edge', maxStaleness: '30' });
  const [shop, mill, ...others] = readEdgeRepositories(file, settings, { MUSE_BUS_RELAY_PASSWORD: 'edges' });
  t.strictSame(others, []);
  t.match(shop, {
    path: '/shop',
    repository: 'shop',
    options: {
      relay: { url: 'nats://nats:4222', repository: 'shop', user: 'edge', password: 'edges' },
      endpointFile: join(directory, 'shop.json'),
      tokenFile: undefined,
      limits: { maxConnections: 50 },
      maxStalenessMs: 30_000,
    },
  });
  t.match(mill, {
    path: '/wind',
    options: {
      relay: {
        url: 'tls://mill:4222',
        user: 'mill',
        passwordFile: join(directory, 'mill.password'),
        publicKeys: ['k'.repeat(43)],
      },
      endpointFile: undefined,
      tokenFile: '/run/mill.token',
      maxStalenessMs: 2_500,
    },
  });
  t.end();
});

t.test('an access of an entry takes nothing of the edge’s', (t) => {
  const file = join(temporaryDirectory(t), 'repositories.json');
  const entry = { relay_repository: 'shop', token_file: 't', relay_user: 'shop' };
  writeFileSync(file, JSON.stringify({ repositories: [entry] }));
  const [shop] = readEdgeRepositories(file, flags({ relay: 'nats://nats:4222' }), { MUSE_BUS_RELAY_PASSWORD: 'edges' });
  t.equal(shop!.options.relay.password, undefined, 'a password is another user’s');
  t.end();
});

t.test('a mistake is named with the file, the entry and the key', (t) => {
  const file = join(temporaryDirectory(t), 'repositories.json');
  const settings = flags({ relay: 'nats://nats:4222' });
  const shop = { relay_repository: 'shop', token_file: 'shop.token' };
  const cases: readonly (readonly [content: unknown, message: RegExp, hint?: RegExp])[] = [
    ['[', /cannot read the repositories in .*repositories\.json/, /for example/],
    [[], /must hold an object, got/],
    [{}, /must be a list of at least one/],
    [{ repositories: [] }, /at least one/],
    [{ repositories: [shop], repository: 1 }, /has no key "repository"/, /did you mean repositories/],
    [{ repositories: ['shop'] }, /repository 1 in .* must be an object/],
    [{ repositories: [shop, { ...shop, tokenfile: 'x' }] }, /repository 2 in .* has no key "tokenfile"/, /token_file/],
    [{ repositories: [{ ...shop, journal: false }] }, /has no key "journal"/, /keys are path, endpoint/],
    [{ repositories: [{ token_file: 'x' }] }, /needs relay_repository/],
    [{ repositories: [{ relay_repository: 'shop' }] }, /needs token_file, or endpoint/],
    [{ repositories: [{ ...shop, path: 5 }] }, /path of repository 1 in .* must be a text/],
    [{ repositories: [{ ...shop, max_staleness: 0 }] }, /max_staleness of repository 1 in .* from 1 to/],
    [{ repositories: [{ ...shop, relay: 'nats://u:p@nats' }] }, /must not contain a user or password/],
    [{ repositories: [{ ...shop, limits: { max_conections: 1 } }] }, /limits in repository 1/, /max_connections/],
  ];
  for (const [content, message, hint] of cases) {
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    const expected = hint === undefined ? { message } : { message, hint };
    t.throws(() => readEdgeRepositories(file, settings, {}), expected, String(message));
  }
  t.throws(() => readEdgeRepositories(`${file}.none`, settings, {}), { message: /there is no such file/ });
  writeFileSync(file, JSON.stringify({ repositories: [shop] }));
  t.throws(() => readEdgeRepositories(file, flags({}), {}), { message: /needs the NATS server/ });
  writeFileSync(file, JSON.stringify({ repositories: [{ ...shop, relay_user: 'shop', relay_password_file: 'none' }] }));
  const [entry] = readEdgeRepositories(file, settings, {});
  t.throws(() => resolveRelay(entry!.options.relay, 1_000), { message: /cannot read .*none: there is no such file/ });
  t.end();
});

t.test('config shows the repositories of an edge, and edge refuses flags that only one can have', async (t) => {
  const file = join(temporaryDirectory(t), 'repositories.json');
  writeFileSync(
    file,
    JSON.stringify({
      repositories: [{ relay_repository: 'shop', token_file: '/run/shop.token', limits: { max_connections: 5 } }],
    }),
  );
  const given = ['--relay', 'nats://nats:4222', '--repositories', file];
  const shown = Command.museBus(['config', '--edge', ...given, '--json']);
  const refused = Command.museBus(['edge', ...given, '--endpoint', 'edge.json']);
  t.equal(await shown.exit, 0);
  const lines = shown.lines.map((line) => JSON.parse(line) as object);
  t.match(
    lines.find((line) => 'repository' in line),
    { repository: 'shop', path: '/shop', token_file: '/run/shop.token', limits: { max_connections: 5 } },
  );
  t.equal(await refused.exit, 1);
  t.match(refused.errors.join('\n'), /--repositories goes without --endpoint and --token-file/);
});
