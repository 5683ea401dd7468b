import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Command } from '../support/command.js';
import { ServedRepository } from '../support/served-repository.js';
import { until } from '../support/until.js';

// Slow: packs, installs from the registry, compiles and runs.
t.setTimeout(600_000);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const MAX_PACKED_BYTES = 2 * 2 ** 20;

const PROGRAM = `
import { connect, BusError, type BusEvent, type Holder, type MirrorRecord } from 'muse-bus';

const root = process.argv[2] ?? '.';
await using bus = await connect({ root });
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

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: [],
    outDir: 'out',
  },
  files: ['program.ts', 'globals.d.ts'],
};

t.test('the packed package can be installed, and a strict program compiles against it and runs', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-install-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync('npm', [...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

  const packed = JSON.parse(npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], ROOT)) as [
    { filename: string; files: { path: string }[] },
  ];
  const tarball = join(folder, packed[0].filename);
  const paths = packed[0].files.map(({ path }) => path);
  t.ok(statSync(tarball).size < MAX_PACKED_BYTES, `${String(statSync(tarball).size)} bytes, under 2 MB`);
  t.strictSame(
    paths.filter((path) => /(^|\/)(test|bench|node_modules)\//.test(path)),
    [],
  );
  for (const path of ['dist/client/cli/main.cjs', 'dist/client/sdk/index.d.ts', 'protocol/PROTOCOL.md', 'LICENSE'])
    t.ok(paths.includes(path), path);

  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'package-install', private: true, type: 'module' }),
  );
  // Without scripts, as npm installs unless it is told otherwise: a package without its build for this machine is compiled by nobody.
  const quiet = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  npm(['install', ...quiet, tarball], folder);
  t.notOk(existsSync(join(folder, 'node_modules', 'uWebSockets.js')), 'the engine is optional');

  writeFileSync(join(folder, 'program.ts'), PROGRAM);
  // Declarations of Node's globals, because @types/node is not installed.
  const globals = 'declare const process: { readonly argv: readonly string[] };';
  writeFileSync(join(folder, 'globals.d.ts'), globals);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  const compiling = new Command(process.execPath, [TSC, '-p', folder]);
  t.equal(await compiling.exit, 0, compiling.lines.join('\n'));

  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  repository.rename('reservation', 'r1', { run_id: 'agent-1', addresses: ['src/a.py'], expires_at });
  repository.rename('task', 't1', { title: 'speed up search' });
  await repository.start();
  const running = new Command(process.execPath, [join(folder, 'out', 'program.js'), repository.root]);
  t.equal(await running.exit, 0, running.errors.join('\n'));
  t.strictSame(running.lines, [
    'holders 1 speed up search',
    'snapshot agent-1 string object',
    'snapshot speed up search',
    'bad-option false',
  ]);

  // As on a machine without a build of the engine: this module is found first, and does not load.
  const engine = join(folder, 'node_modules', 'uWebSockets.js');
  mkdirSync(engine);
  writeFileSync(join(engine, 'index.js'), "throw new Error('no build for this machine');");
  const bin = join(folder, 'node_modules', '.bin', 'muse-bus');
  const serving = new Command(bin, ['serve', '--root', folder, '--port', '0']);
  t.teardown(() => {
    serving.kill('SIGKILL');
  });
  await until('it serves without the engine', () => serving.lines.length === 1);
  t.match(serving.errors.join('\n'), /"transport":"ws"/);
  serving.kill('SIGTERM');
  t.equal(await serving.exit, 0);
});
