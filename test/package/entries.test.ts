import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Command } from '../support/command.js';
import { STRICT_PROGRAM } from '../support/strict-program.js';
import { ServedRepository } from '../support/served-repository.js';
import { until } from '../support/until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

/** A folder with the package as it is published, and its dependencies. */
const folder = mkdtempSync(join(tmpdir(), 'muse-bus-entries-'));
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true });
});
const [{ filename }] = JSON.parse(
  execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
) as [{ filename: string }];
const modules = join(folder, 'node_modules');
mkdirSync(join(modules, 'muse-bus'), { recursive: true });
execFileSync('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', join(modules, 'muse-bus')]);
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
// React is an optional peer: these programs have it.
for (const name of [...Object.keys(dependencies), 'react']) {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
}

interface Program {
  readonly type: 'module' | 'commonjs';
  readonly file: string;
  readonly text: string;
}

/** Writes a program into its own directory, from which the package can be resolved. */
function write({ type, file, text }: Program): string {
  const home = mkdtempSync(join(folder, 'program-'));
  writeFileSync(join(home, 'package.json'), JSON.stringify({ type }));
  writeFileSync(join(home, file), text);
  return home;
}

/** Compiles a program. @returns the errors of the compiler, or an empty text */
async function compile(program: Program, options: object = {}): Promise<string> {
  const home = write(program);
  const compilerOptions = {
    ...STRICT_PROGRAM,
    ...options,
  };
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [program.file] }));
  const tsc = new Command(process.execPath, [TSC, '-p', home]);
  await tsc.exit;
  return tsc.lines.join('\n');
}

async function run(program: Program, args: readonly string[] = [], flags: readonly string[] = []): Promise<Command> {
  const home = write(program);
  const running = new Command(process.execPath, [...flags, join(home, program.file), ...args]);
  await running.exit;
  return running;
}

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

t.test('a strict program compiles with the libraries of 2022, as a module and as CommonJS', async (t) => {
  for (const type of ['module', 'commonjs'] as const) {
    t.equal(await compile({ type, file: 'program.ts', text: TYPED }), '', type);
  }
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
  const bundled = { module: 'ES2022', moduleResolution: 'bundler', customConditions: ['browser'] };
  t.equal(await compile({ type: 'module', file: 'page.ts', text: PAGE }, bundled), '');
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
  const program = await run({ type: 'commonjs', file: 'program.js', text: REQUIRING }, [], flags);
  t.same(program.lines, ['first 7 function function', 'true bad-option'], program.errors.join('\n'));
});

t.test('the first example of the README runs unchanged, as plain JavaScript', async (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const example = /## The SDK\n[^]*?```ts\n([^]*?)```/.exec(readme)?.[1];
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  repository.rename('reservation', 'r1', { run_id: 'agent-1', branch: 'main', addresses: ['src/a.py'] });
  const home = write({ type: 'module', file: 'program.js', text: example! });
  const running = new Command(process.execPath, [join(home, 'program.js')], { cwd: repository.root });
  t.teardown(() => {
    running.kill('SIGKILL');
  });
  await until('it has printed the snapshot', () => running.lines.length > 0);
  t.match(running.lines[0], /snapshot agent-1 \[ 'src\/a\.py' \]/);
});
