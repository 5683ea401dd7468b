import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect } from '../../../client/index.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

interface SettingLine {
  readonly name: string;
  readonly value: unknown;
  readonly origin: string;
  readonly where?: string;
}

function repositoryWith(t: Test, config?: object | string): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  mkdirSync(repository.dir.bus, { mode: 0o700 });
  const content = typeof config === 'string' ? config : JSON.stringify(config);
  if (config !== undefined) writeFileSync(join(repository.dir.bus, 'config.json'), content);
  return repository;
}

t.test('flags go over the environment, that over the file, that over defaults; config shows which', async (t) => {
  const file = { port: 1, host: '::1', heartbeat: 7, log_level: 'warn', limits: { max_connections: 9 } };
  const { root } = repositoryWith(t, file);
  const env = { MUSE_BUS_PORT: '2', MUSE_BUS_HOST: 'localhost', MUSE_BUS_ALLOW_HOST: 'a.example, b.example' };
  const config = Command.museBus(['config', '--json', '--root', root, '--port', '3', '--no-journal'], { env });
  t.equal(await config.exit, 0);
  const lines = new Map(config.json<SettingLine & Record<string, unknown>>().map((line) => [line.name, line]));
  t.match(lines.get('port'), { value: 3, origin: 'flag', where: '--port' });
  t.match(lines.get('host'), { value: 'localhost', origin: 'environment', where: 'MUSE_BUS_HOST' });
  t.match(lines.get('allow_host'), { value: ['a.example', 'b.example'], origin: 'environment' });
  t.match(lines.get('heartbeat'), { value: 7, origin: 'file', where: /config\.json$/ });
  t.match(lines.get('limit.max_connections'), { value: 9, origin: 'file' });
  t.match(lines.get('limit.max_records'), { value: 1_000_000, origin: 'default' });
  t.match(lines.get('journal'), { value: false, origin: 'flag' });
  t.strictSame(lines.get('transport'), { name: 'transport', value: 'auto', origin: 'default' });
});

t.test('what cannot be read is refused, naming where it was said', async (t) => {
  interface Variant {
    readonly config?: object | string;
    readonly env?: NodeJS.ProcessEnv;
    readonly flags?: readonly string[];
    readonly says: RegExp;
  }
  const variants: readonly Variant[] = [
    { config: { prot: 1 }, says: /config\.json has no setting "prot".*did you mean port\?/s },
    { config: { port: 'many' }, says: /port in .*config\.json must be a whole number from 0 to 65535, got many/ },
    { config: { port: { a: 1 } }, says: /must be a text, a number, true or false/ },
    { config: '{', says: /config\.json is no JSON/ },
    { config: '[]', says: /must be an object of settings/ },
    { config: { limits: { max_conections: 1 } }, says: /must be NAME=N, got max_conections=1.*max_connections/s },
    { env: { MUSE_BUS_JOURNAL: 'maybe' }, says: /MUSE_BUS_JOURNAL must be true or false, got maybe/ },
    { env: { MUSE_BUS_POLL_INTERVAL: '0' }, says: /MUSE_BUS_POLL_INTERVAL must be from 0\.01 to 3600 seconds/ },
    { flags: ['--transport', 'carrier-pigeon'], says: /--transport must be one of auto, uws, ws/ },
    { flags: ['--limit', 'max_connections=0'], says: /max_connections must be a whole number from 1/ },
  ];
  for (const { config, env = {}, flags = [], says } of variants) {
    const { root } = repositoryWith(t, config);
    for (const command of ['config', 'serve']) {
      const run = Command.museBus([command, '--root', root, ...flags], { env });
      t.equal(await run.exit, 1, `${command} ${String(says)}`);
      t.match(run.errors.join('\n'), says);
    }
  }
});

t.test('a misspelt variable does not pass: serve refuses it, config and doctor name it', async (t) => {
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

t.test('serve serves as it was set', async (t) => {
  const { root } = repositoryWith(t, { journal: false, limits: { max_subscriptions: 7 } });
  const env = { MUSE_BUS_TRANSPORT: 'ws' };
  const flags = ['--port', '0', '--heartbeat', '0.25', '--limit', 'max-connections=3'];
  const serve = Command.museBus(['serve', '--root', root, ...flags], { env });
  t.teardown(() => {
    serve.kill('SIGKILL');
  });
  await until('it serves', () => serve.lines.length === 1);
  await using bus = await connect({ root });
  t.match(bus.server, { heartbeat_ms: 250, limits: { max_connections: 3, max_subscriptions: 7 } });
  const log = serve.errors.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(
    log.find(({ msg }) => msg === 'listening'),
    { transport: 'ws' },
  );
  t.match(
    log.find(({ msg }) => msg === 'settings from file'),
    { settings: { journal: false } },
  );
  const { token } = JSON.parse(readFileSync(join(root, '.muse', 'bus', 'endpoint.json'), 'utf8')) as { token: string };
  t.notMatch([...serve.lines, ...serve.errors].join('\n'), token, 'no log has the token');
  await bus.close();
  serve.kill('SIGTERM');
  t.equal(await serve.exit, 0);
});

t.test('a second server of a repository is refused, saying who has it', async (t) => {
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
