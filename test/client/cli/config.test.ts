import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { CliError } from '../../../client/cli/cli-error.js';
import { resolveSettings } from '../../../client/cli/settings/resolve-settings.js';
import { SOURCE_TABLE } from '../../../client/cli/settings/setting-sources.js';
import { surroundings, userConfigFile } from '../../../server/repository/index.js';
import { connect } from '../../../client/sdk/index.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

function repositoryWith(t: Test, config?: object | string): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  mkdirSync(repository.bus, { mode: 0o700 });
  const content = typeof config === 'string' ? config : JSON.stringify(config);
  if (config !== undefined) writeFileSync(repositoryFile(repository), content);
  return repository;
}

const repositoryFile = ({ bus }: TemporaryRepository): string => join(bus, 'config.json');

/** The environment of a user with a configuration file. */
function userWith(t: Test, config: object | string): { readonly XDG_CONFIG_HOME: string; readonly file: string } {
  const home = mkdtempSync(join(tmpdir(), 'muse-bus-user-'));
  t.teardown(() => {
    rmSync(home, { recursive: true });
  });
  mkdirSync(join(home, 'muse-bus'), { mode: 0o700 });
  const file = join(home, 'muse-bus', 'config.json');
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config), { mode: 0o600 });
  return { XDG_CONFIG_HOME: home, file };
}

/** What `muse-bus config` shows, computed in this process because there are many variants. @param flags by name, `port`. */
function configOf(root: string, env: NodeJS.ProcessEnv = {}, flags: Readonly<Record<string, string>> = {}) {
  const written = new Map(Object.entries(flags).map(([name, text]) => [name, [text]]));
  const environment = { XDG_CONFIG_HOME: join(tmpdir(), 'muse-bus-no-config'), ...env };
  try {
    const { views, refusals } = resolveSettings(written, environment, root);
    return { says: '', of: (name: string) => views.find((view) => view.name === name), refused: refusals };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { says: `${error.message} ${error.hint}`, of: () => undefined, refused: [] };
  }
}

t.test(
  "sources are used in this order: flags, environment, the user's file, the repository's file, defaults",
  async (t) => {
    const { root } = repositoryWith(t, {
      heartbeat: 7,
      settle: 0.5,
      reconcile: 20,
      limits: { max_connections: 9, max_globs: 5 },
    });
    const { XDG_CONFIG_HOME, file } = userWith(t, {
      port: 1,
      host: '::1',
      settle: 0.3,
      reconcile: 30,
      log_level: 'warn',
      limits: { max_globs: 7 },
    });
    const env = {
      XDG_CONFIG_HOME,
      MUSE_BUS_PORT: '2',
      MUSE_BUS_HOST: 'localhost',
      MUSE_BUS_RECONCILE: '40',
      MUSE_BUS_ALLOW_HOST: 'a.example, b.example',
    };
    const { of, refused } = configOf(root, env, { port: '3', journal: 'false' });
    t.match(of('port'), { value: 3, origin: 'flag', where: '--port' });
    t.match(of('host'), { value: 'localhost', origin: 'environment', where: 'MUSE_BUS_HOST' });
    t.match(of('reconcile'), { value: 40, origin: 'environment' });
    t.match(of('allow_host'), { value: ['a.example', 'b.example'], origin: 'environment' });
    t.match(of('settle'), { value: 0.3, origin: 'user-file', where: file });
    t.match(of('log_level'), { value: 'warn', origin: 'user-file' });
    t.match(of('heartbeat'), { value: 7, origin: 'repository-file', where: /\.muse\/bus\/config\.json$/ });
    t.match(of('limit.max_connections'), { value: 9, origin: 'repository-file' });
    t.match(of('limit.max_globs'), { value: 7, origin: 'user-file' });
    t.match(of('limit.max_records'), { value: 1_000_000, origin: 'default' });
    t.match(of('journal'), { value: false, origin: 'flag' });
    t.strictSame(of('transport'), { name: 'transport', value: 'auto', origin: 'default', where: '' });
    t.strictSame(refused, []);
  },
);

t.test('invalid settings of the user are refused, and the error names their source', async (t) => {
  interface Variant {
    readonly config?: object | string;
    readonly env?: NodeJS.ProcessEnv;
    readonly flags?: Readonly<Record<string, string>>;
    readonly says: RegExp;
  }
  const variants: readonly Variant[] = [
    { config: { prot: 1 }, says: /config\.json has no setting "prot".*did you mean port\?/s },
    { config: { port: 'many' }, says: /port in .*config\.json must be a whole number from 0 to 65535, got many/ },
    { config: { port: { a: 1 } }, says: /must be a text, a number, true or false, got an object/ },
    { config: { port: [1, 2] }, says: /port in .* must be one value, got a list/ },
    { config: '{', says: /config\.json is not used: it is not JSON/ },
    { config: '[]', says: /must be an object of settings/ },
    { config: `{"port": ${'['.repeat(30_000)}${']'.repeat(30_000)}}`, says: /must be/ },
    { config: { limits: { max_conections: 1 } }, says: /got max_conections.*did you mean max_connections\?/s },
    { config: '{"limits": {"max_globs": {"toString": 1}}}', says: /max_globs must be a number, got an object/ },
    { config: { safe_directories: '/srv' }, says: /safe_directories in .* must be a list of absolute paths/ },
    { config: { safe_directories: ['srv'] }, says: /safe_directories in .* must hold absolute paths, .* got srv/ },
    { env: { MUSE_BUS_JOURNAL: 'maybe' }, says: /MUSE_BUS_JOURNAL must be true or false, got maybe/ },
    { env: { MUSE_BUS_POLL_INTERVAL: '0' }, says: /MUSE_BUS_POLL_INTERVAL must be from 0\.01 to 3600 seconds/ },
    { env: { MUSE_BUS_NATIVE_ENGINE_SHA256: 'abc' }, says: /must be a SHA-256 in 64 hexadecimal digits, got abc/ },
    { flags: { transport: 'carrier-pigeon' }, says: /--transport must be one of auto, uws, ws/ },
    { flags: { limit: 'max_connections=0' }, says: /max_connections must be a whole number from 1/ },
  ];
  const { root } = repositoryWith(t);
  for (const { config, env = {}, flags = {}, says } of variants) {
    const user = config === undefined ? {} : userWith(t, config);
    t.match(configOf(root, { ...user, ...env }, flags).says, says);
  }
  const serve = Command.museBus(['serve', '--root', root], { env: userWith(t, { prot: 1 }) });
  t.equal(await serve.exit, 1);
  t.match(serve.errors.join('\n'), /did you mean port\?/);
});

t.test("the user's file is read only if no other user can have written it", async (t) => {
  const { root } = repositoryWith(t);
  const variants: readonly { readonly what: string; readonly change: (file: string) => void; readonly says: RegExp }[] =
    [
      {
        what: 'its group may write',
        change: (file) => chmodSync(file, 0o664),
        says: /has mode 664: others can write it/,
      },
      { what: 'everybody may write', change: (file) => chmodSync(file, 0o606), says: /has mode 606/ },
      {
        what: 'its directory is open',
        change: (file) => chmodSync(dirname(file), 0o777),
        says: /muse-bus is not used: it has mode 777/,
      },
      {
        what: 'a FIFO',
        change: (file) => {
          rmSync(file);
          execFileSync('mkfifo', [file]);
        },
        says: /is not a regular file/,
      },
      {
        what: 'a directory',
        change: (file) => {
          rmSync(file);
          mkdirSync(file);
        },
        says: /is not a regular file/,
      },
      { what: 'huge', change: (file) => truncateSync(file, 65_537), says: /larger than 65536 bytes/ },
      {
        what: 'a link to a file that others may write',
        change: (file) => {
          renameSync(file, `${file}.real`);
          chmodSync(`${file}.real`, 0o666);
          symlinkSync(`${file}.real`, file);
        },
        says: /has mode 666/,
      },
      ...(process.getuid?.() === 0
        ? [
            {
              what: "another user's",
              change: (file: string) => chownSync(file, 65_534, 65_534),
              says: /belongs to user 65534/,
            },
          ]
        : []),
    ];
  for (const { what, change, says } of variants) {
    const { file, ...env } = userWith(t, { port: 7 });
    change(file);
    t.match(configOf(root, env).says, says, what);
  }
});

t.test("the user's file is found by absolute paths only, and on Windows in %APPDATA%", async (t) => {
  t.equal(userConfigFile(surroundings({ XDG_CONFIG_HOME: '/x', HOME: '/home/u' }, 'linux')), '/x/muse-bus/config.json');
  t.equal(
    userConfigFile(surroundings({ XDG_CONFIG_HOME: 'x', HOME: '/home/u' }, 'linux')),
    '/home/u/.config/muse-bus/config.json',
  );
  t.equal(userConfigFile(surroundings({ HOME: '/home/u' }, 'darwin')), '/home/u/.config/muse-bus/config.json');
  t.equal(userConfigFile(surroundings({ HOME: 'u' }, 'linux')), undefined);
  t.equal(userConfigFile(surroundings({ APPDATA: 'C:\\R' }, 'win32')), 'C:\\R\\muse-bus\\config.json');
});

t.test('safe_directories are read from the user’s file only', async (t) => {
  const { root } = repositoryWith(t, { safe_directories: ['*'] });
  const { of, refused } = configOf(root, userWith(t, { safe_directories: ['/srv/shop'] }));
  t.match(of('safe_directories'), { value: ['/srv/shop'], origin: 'user-file' });
  t.match(refused, [{ name: 'safe_directories', why: /no checkout may set it/ }]);
});

t.test('a checkout may set nothing about network, token, paths, relay, code and log', async (t) => {
  const forbidden = SOURCE_TABLE.filter(({ rule }) => rule.repository.may === 'nothing').map(({ name }) => name);
  for (const name of ['host', 'port', 'relay', 'allow_origin', 'allow_host', 'tls_cert', 'insecure', 'journal'])
    t.ok(forbidden.includes(name), name);
  for (const name of ['token', 'transport', 'native_engine_sha256', 'log_level', 'safe_directories'])
    t.ok(forbidden.includes(name), name);
  const { root } = repositoryWith(t, Object.fromEntries(forbidden.map((name) => [name, 'hostile'])));
  const { of, refused } = configOf(root);
  t.strictSame(refused.map(({ name }) => name).sort(), [...forbidden].sort());
  for (const { name, why, allow } of refused) {
    t.match(why, /^no checkout may set it: it /, name);
    t.match(allow, /--|MUSE_BUS_|config\.json/, name);
    t.notOk(of(name)?.origin === 'repository-file', name);
  }
});

t.test('a checkout may lower limits, but never raise them, nor lower them until records are not seen', async (t) => {
  const limits = {
    max_connections: 9,
    max_payload_bytes: 65_537,
    max_records: 1,
    max_globs: 50,
    max_history_events: 1e9,
  };
  const { root } = repositoryWith(t, { limits, journal_max_events: 100_001, journal_max_bytes: 2_097_152 });
  const { of, refused } = configOf(root, userWith(t, { limits: { max_globs: 20 } }));
  t.match(of('limit.max_connections'), { value: 9, origin: 'repository-file' });
  t.match(of('limit.max_payload_bytes'), { value: 65_536, origin: 'default' });
  t.match(of('limit.max_records'), { value: 1_000_000, origin: 'default' });
  t.match(of('limit.max_globs'), { value: 20, origin: 'user-file' }, "not above the user's");
  t.match(of('journal_max_bytes'), { value: 2_097_152, origin: 'repository-file' });
  t.strictSame(
    refused.map(({ name }) => name),
    [
      'limit.max_payload_bytes',
      'limit.max_records',
      'limit.max_globs',
      'limit.max_history_events',
      'journal_max_events',
    ],
  );
  t.match(refused[0], {
    value: '65537',
    why: /may only lower it, and 65536 is in force/,
    allow: /--limit max_payload_bytes=N/,
  });
});

t.test('a checkout may tune settings within bounds; only the values outside them are refused', async (t) => {
  const { root } = repositoryWith(t, { poll_interval: 5, settle: 50, heartbeat: 'often', backend: 'native', prot: 1 });
  const { of, refused } = configOf(root);
  t.match(of('poll_interval'), { value: 5, origin: 'repository-file' });
  t.match(of('settle'), { value: 0.2, origin: 'default' });
  t.match(refused, [
    { name: 'settle', value: '50', why: /from 0\.05 to 2/ },
    { name: 'heartbeat', value: 'often', why: /heartbeat must be from/ },
    { name: 'backend', value: 'native', why: /auto or polling/ },
    { name: 'prot', why: 'there is no such setting', allow: /did you mean port\?/ },
  ]);
});

t.test('config answers whatever file a checkout contains, and refuses each bad file with a reason', async (t) => {
  const replace = (make: (file: string) => void) => (repository: TemporaryRepository) => {
    rmSync(repositoryFile(repository), { force: true });
    make(repositoryFile(repository));
  };
  const deep = `{"limits":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`;
  const variants: readonly {
    readonly what: string;
    readonly make: (repository: TemporaryRepository) => void;
    readonly why: RegExp;
  }[] = [
    { what: 'broken JSON', make: replace((file) => writeFileSync(file, '{"port": 1')), why: /not JSON/ },
    { what: 'not an object', make: replace((file) => writeFileSync(file, '[]')), why: /an object of settings/ },
    {
      what: 'not UTF-8',
      make: replace((file) => writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]))),
      why: /not JSON/,
    },
    { what: 'deep JSON', make: replace((file) => writeFileSync(file, deep)), why: /must be NAME: N|a number/ },
    { what: 'deep garbage', make: replace((file) => writeFileSync(file, '['.repeat(65_000))), why: /not JSON/ },
    {
      what: 'a sparse file of 10 GB',
      make: replace((file) => {
        writeFileSync(file, '{}');
        truncateSync(file, 10 * 2 ** 30);
      }),
      why: /larger than 65536 bytes/,
    },
    { what: 'a link', make: replace((file) => symlinkSync('/etc/passwd', file)), why: /symbolic link/ },
    { what: 'a link to itself', make: replace((file) => symlinkSync(file, file)), why: /symbolic link/ },
    { what: 'a FIFO', make: replace((file) => execFileSync('mkfifo', [file])), why: /not a regular file/ },
    { what: 'a directory', make: replace((file) => mkdirSync(file)), why: /not a regular file/ },
    {
      what: 'a directory that is a link',
      make: ({ bus }) => {
        renameSync(bus, `${bus}-real`);
        writeFileSync(join(`${bus}-real`, 'config.json'), '{"poll_interval": 2}');
        symlinkSync(`${bus}-real`, bus);
      },
      why: /\.muse\/bus is a symbolic link/,
    },
    ...(process.getuid?.() === 0
      ? [
          {
            what: "another user's",
            make: replace((file) => {
              writeFileSync(file, '{"poll_interval": 2}');
              chownSync(file, 65_534, 65_534);
            }),
            why: /belongs to user 65534/,
          },
        ]
      : []),
  ];
  for (const { what, make, why } of variants) {
    const repository = repositoryWith(t);
    make(repository);
    const { of, refused } = configOf(repository.root);
    t.match(refused, [{ why }], what);
    t.match(of('poll_interval'), { value: 0.5, origin: 'default' }, what);
  }
});

t.test('texts of a checkout are escaped and shortened when they are shown, and their number is bounded', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${String(i)}`, i]));
  const hostile = { 'a\u001b[2J\u202e\u200b': '\u001b]0;x\u0007\u00ad\u{e0041}', host: 'x'.repeat(5_000) };
  const { root } = repositoryWith(t, { ...hostile, ...many });
  const { refused } = configOf(root);
  t.match(refused[1], { value: /^x{79}…$/ });
  t.equal(refused.length, 51);
  t.match(refused.at(-1), { why: '1952 more are refused' });
  const table = Command.museBus(['config', '--format', 'text', '--root', root]);
  t.equal(await table.exit, 0);
  t.ok(table.lines.includes('REFUSED'));
  t.ok(
    table.lines.some((line) =>
      line.startsWith('a\\u{1b}[2J\\u{202e}\\u{200b} = \\u{1b}]0;x\\u{7}\\u{ad}\\u{e0041}, in '),
    ),
  );
  t.notMatch(table.lines.join(''), /\p{C}/u);
  const objects = Command.museBus(['config', '--json', '--root', root]);
  t.equal(await objects.exit, 0);
  t.same(
    objects.json().filter(({ refused }) => refused === true),
    refused.map((refusal) => ({ ...refusal, refused: true })),
  );
  t.match(
    table.lines.join('\n'),
    /host = x+….*\n +no checkout may set it: it decides who can reach the bus\n +→ --host, MUSE_BUS_HOST/,
  );
});

t.test('serve uses the allowed settings of a checkout, on loopback, and logs each refusal once', async (t) => {
  const { root } = repositoryWith(t, {
    host: '0.0.0.0',
    insecure: true,
    relay: 'nats://user:secret@evil.example:4222',
    port: 1,
    allow_origin: ['https://evil.example'],
    heartbeat: 2,
  });
  const serve = Command.museBus(['serve', '--root', root, '--port', '0']);
  t.teardown(() => {
    serve.kill('SIGKILL');
  });
  await until('it serves', () => serve.lines.length === 1);
  t.match(serve.lines[0], /ws:\/\/127\.0\.0\.1:\d+/);
  await using bus = await connect({ root });
  t.match(bus.server, { heartbeat_ms: 2_000 });
  const refused = serve.errors
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => String(msg).startsWith('a setting is refused'));
  t.strictSame(
    refused.map(({ setting }) => setting),
    ['host', 'insecure', 'relay', 'port', 'allow_origin'],
  );
  t.match(refused[0], { value: '0.0.0.0', allow: /--host, MUSE_BUS_HOST, or host in .*config\.json/, level: 40 });
  t.notMatch(serve.errors.join('\n'), /secret/);
  const doctor = Command.museBus(['doctor', '--json', '--root', root]);
  await doctor.exit;
  const findings = doctor.json().filter(({ check }) => check === 'refused');
  t.match(findings[0], { state: 'note', found: /host = 0\.0\.0\.0.*no checkout may set it/, advice: /--host/ });
  t.match(findings.at(-1), { found: '2 more settings' });
  await bus.close();
  serve.kill('SIGTERM');
  t.equal(await serve.exit, 0);
});

t.test('a relay’s address with a password in it is refused in every spelling, without repeating it', async (t) => {
  const { root } = repositoryWith(t);
  for (const relay of ['nats://u:hunter2@h:4222', 'u:hunter2@h:4222', 'nats://a:1,nats://hunter2@h:4222']) {
    const { says } = configOf(root, {}, { relay });
    t.match(says, /--relay must not contain a user or password/);
    t.notMatch(says, /hunter2/);
  }
});

t.test('a misspelt variable is not ignored: serve refuses it, config and doctor name it', async (t) => {
  const { root } = repositoryWith(t);
  const env = { MUSE_BUS_PROT: '7000' };
  for (const [command, exit] of [
    ['serve', 1],
    ['config', 0],
    ['doctor', 1],
  ] as const) {
    const run = Command.museBus([command, '--root', root], { env });
    t.equal(await run.exit, exit, command);
    t.match([...run.lines, ...run.errors].join('\n'), /MUSE_BUS_PROT is no setting; did you mean MUSE_BUS_PORT\?/);
  }
});

t.test('serve uses its settings', async (t) => {
  const { root } = repositoryWith(t, { limits: { max_subscriptions: 7 } });
  const env = { ...userWith(t, { journal: false }), MUSE_BUS_TRANSPORT: 'ws' };
  const flags = ['--port', '0', '--heartbeat', '0.25', '--limit', 'max-connections=3'];
  const serve = Command.museBus(['serve', '--root', root, ...flags], { env });
  t.teardown(() => {
    serve.kill('SIGKILL');
  });
  await until('it serves', () => serve.lines.length === 1);
  await using bus = await connect({ root });
  t.match(bus.server, { heartbeat_ms: 250, limits: { max_connections: 3, max_subscriptions: 7 } });
  const log = serve.errors.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.ok(
    serve.errors.every((line) => line.split('"pid":').length === 2),
    'each line names the process once',
  );
  t.match(
    log.find(({ msg }) => msg === 'listening'),
    { transport: 'ws' },
  );
  t.match(
    log.find(({ msg }) => msg === 'settings from user-file'),
    { settings: { journal: false } },
  );
  const { token } = JSON.parse(readFileSync(join(root, '.muse', 'bus', 'endpoint.json'), 'utf8')) as { token: string };
  t.notMatch([...serve.lines, ...serve.errors].join('\n'), token, 'no log has the token');
  await bus.close();
  serve.kill('SIGTERM');
  t.equal(await serve.exit, 0);
});

t.test('a second server of a repository is refused, and the error names the first one', async (t) => {
  const { root } = repositoryWith(t);
  const first = Command.museBus(['serve', '--root', root, '--port', '0']);
  t.teardown(() => {
    first.kill('SIGKILL');
  });
  await until('it serves', () => first.lines.length === 1);
  const second = Command.museBus(['serve', '--root', root, '--port', '0']);
  t.equal(await second.exit, 1);
  t.match(second.errors.join('\n'), new RegExp(`served already by process ${String(first.pid)}`));
});

t.test('a server whose port is taken leaves nothing in a repository that was not served before', async (t) => {
  const { root } = repositoryWith(t, {});
  rmSync(join(root, '.muse'), { recursive: true, force: true });
  mkdirSync(join(root, '.git'), { recursive: true });
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  t.teardown(() => squatter.close());
  const { port } = squatter.address() as AddressInfo;
  const serve = Command.museBus(['serve', '--root', root, '--port', String(port)]);
  t.equal(await serve.exit, 1);
  t.match(serve.errors.join('\n'), /cannot listen on 127\.0\.0\.1:\d+\n +choose another port with --port/);
  t.strictSame(readdirSync(root), ['.git']);
});
