import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Command } from '../support/command.js';
import { ServedRepository } from '../support/served-repository.js';
import { compileStrictly } from '../support/strict-program.js';
import { until } from '../support/until.js';

// Slow: packs, compiles and runs.
t.setTimeout(300_000);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_PACKED_BYTES = 2 * 2 ** 20;

/** A folder with the package as it is published, and links to the packages that it depends on. */
const folder = mkdtempSync(join(tmpdir(), 'muse-bus-installed-'));
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true });
});
const [packed] = JSON.parse(
  execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
) as [{ filename: string; files: { path: string }[] }];
const tarball = join(folder, packed.filename);
const installed = join(folder, 'node_modules', 'muse-bus');
mkdirSync(installed, { recursive: true });
execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
const { dependencies, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
  dependencies: object;
  bin: { 'muse-bus': string };
};
// React is an optional peer: these programs have it.
for (const name of [...Object.keys(dependencies), 'react']) {
  mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
}
writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'program', private: true, type: 'module' }));

t.test('the package is smaller than 2 MB, and needs no engine', async (t) => {
  t.ok(statSync(tarball).size < MAX_PACKED_BYTES, `${String(statSync(tarball).size)} bytes`);
  const paths = packed.files.map(({ path }) => path);
  for (const path of ['dist/client/cli/main.cjs', 'dist/client/sdk/index.d.ts', 'protocol/PROTOCOL.md', 'LICENSE'])
    t.ok(paths.includes(path), path);
  t.notOk('uWebSockets.js' in dependencies);
});

const PROGRAM = `
import { connect, BusError, type BusEvent, type Holder, type MirrorRecord } from 'muse-bus';

const root = process.argv[2] ?? '.';
const bus = await connect({ root });
const mirror = await bus.mirror({ kinds: ['reservation', 'task'] });
const holders: Holder[] = mirror.holders('src/a.py');
const record: MirrorRecord<'task'> | undefined = mirror.get('task', 't1');
const title: string | undefined = record?.data.title;
console.log('holders', holders.length, title);
for await (const event of bus.subscribe({ kinds: ['reservation', 'task'] }, { maxEvents: 2 })) print(event);
try {
  bus.subscribe({ kinds: ['nothing'] });
} catch (error) {
  if (error instanceof BusError) console.log(error.code, error.retryable);
}
await bus.close();

function print(event: BusEvent): void {
  switch (event.kind) {
    case 'reservation': {
      const until: string | undefined = event.data.expires_at;
      // @ts-expect-error the title of a reservation does not have this type
      const wrong: number = event.data.addresses;
      console.log(event.event_type, event.data.run_id, typeof until, typeof wrong);
      return;
    }
    case 'task':
      console.log(event.event_type, event.data.title);
      return;
    default:
      return;
  }
}
`;

const TYPED = `
import { connect, type BusClient, type ConnectOptions } from 'muse-bus';

export async function listen(signal?: AbortSignal, token?: string): Promise<BusClient> {
  const options: ConnectOptions = { url: 'ws://127.0.0.1:1', token, signal, ca: undefined, name: undefined };
  const bus = await connect(options);
  const mirror = await bus.mirror({ kinds: ['task'] }, { signal });
  for await (const event of bus.subscribe({}, { signal, maxEvents: undefined })) {
    if (event.kind === 'reservation') console.log(event.data.addresses, mirror.version, mirror.status.state);
  }
  await mirror.whenFree('a.py', { signal });
  return bus;
}
`;

t.test('a strict program compiles with the libraries of 2022, as a module and as CommonJS, and runs', async (t) => {
  // Declarations of Node's globals, because @types/node is not installed.
  const globals = 'declare const process: { readonly argv: readonly string[] };';
  const programs = { 'program.mts': PROGRAM, 'globals.d.ts': globals, 'typed.mts': TYPED, 'typed.cts': TYPED };
  t.equal(await compileStrictly(folder, programs), '');

  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  repository.rename('reservation', 'r1', { run_id: 'agent-1', addresses: ['src/a.py'], expires_at });
  repository.rename('task', 't1', { title: 'speed up search' });
  await repository.start();
  const running = new Command(process.execPath, [join(folder, 'program.mjs'), repository.root]);
  t.equal(await running.exit, 0, running.errors.join('\n'));
  t.strictSame(running.lines, [
    'holders 1 speed up search',
    'snapshot agent-1 string object',
    'snapshot speed up search',
    'bad-option false',
  ]);
});

const PAGE = `
import { connect } from 'muse-bus/browser';
import { connect as connectFromPage } from 'muse-bus';

// @ts-expect-error a page has no repository, so the url is required
void connect();
// @ts-expect-error
void connect({ token: 'x' });
// @ts-expect-error a page cannot choose certificates
void connect({ url: 'wss://bus.example', token: 'x', ca: 'x' });
// @ts-expect-error the same, where a bundler resolves the entry for browsers
void connectFromPage();
export const bus = connect({ url: 'wss://bus.example', getToken: async () => 'x' });
`;

t.test('the entry for browsers has types of its own', async (t) => {
  const bundled = { module: 'ES2022', moduleResolution: 'bundler', customConditions: ['browser'], noEmit: true };
  t.equal(await compileStrictly(folder, { 'page.ts': PAGE }, bundled), '');
});

const REQUIRING = `
const { connect, BusError } = require('muse-bus');
const { FakeBus } = require('muse-bus/testing');
const { KINDS } = require('muse-bus/protocol');
const { useHolders, useMirror } = require('muse-bus/react');

(async () => {
  const fake = new FakeBus();
  const bus = await fake.connect();
  fake.put('task', 't1', { title: 'first' });
  const task = await bus.get('task', 't1');
  console.log(task.data.title, KINDS.length, typeof useHolders, typeof useMirror);
  fake.stop();
  await bus.close();
  await connect({ url: 'nowhere' }).catch((error) => console.log(error instanceof BusError, error.code));
})();
`;

t.test('require finds the SDK, its fake bus and the protocol, even where Node cannot require modules', async (t) => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const canForbid = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  const flags = canForbid ? ['--no-experimental-require-module'] : [];
  writeFileSync(join(folder, 'requiring.cjs'), REQUIRING);
  const running = new Command(process.execPath, [...flags, join(folder, 'requiring.cjs')]);
  await running.exit;
  t.same(running.lines, ['first 7 function function', 'true bad-option'], running.errors.join('\n'));
});

t.test('the first example of the README runs unchanged, as plain JavaScript', async (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const example = /## The SDK\n[^]*?```ts\n([^]*?)```/.exec(readme)?.[1];
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  repository.rename('reservation', 'r1', { run_id: 'agent-1', branch: 'main', addresses: ['src/a.py'] });
  writeFileSync(join(folder, 'example.js'), example!);
  const running = new Command(process.execPath, [join(folder, 'example.js')], { cwd: repository.root });
  t.teardown(() => {
    running.kill('SIGKILL');
  });
  await until('it has printed the snapshot', () => running.lines.length > 0);
  t.match(running.lines[0], /snapshot agent-1 \[ 'src\/a\.py' \]/);
});

t.test('where the engine has no build for the machine, a server runs on ws', async (t) => {
  // This module is found first, and does not load.
  const engine = join(folder, 'node_modules', 'uWebSockets.js');
  mkdirSync(engine);
  writeFileSync(join(engine, 'index.js'), "throw new Error('no build for this machine');");
  const serving = new Command(join(installed, bin['muse-bus']), ['serve', '--root', folder, '--port', '0']);
  t.teardown(() => {
    serving.kill('SIGKILL');
  });
  await until('it serves without the engine', () => serving.lines.length === 1);
  t.match(serving.errors.join('\n'), /"transport":"ws"/);
  serving.kill('SIGTERM');
  t.equal(await serving.exit, 0);
});
