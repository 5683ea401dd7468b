import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Command } from '../support/command.js';
import { ServedRepository } from '../support/served-repository.js';
import { compileStrictly } from '../support/strict-program.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_INSTALLED_BYTES = 3_000_000;

/** A folder with the package as it is published, and links to the packages that it depends on. */
const folder = mkdtempSync(join(tmpdir(), 'muse-bus-client-'));
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true });
});
const modules = join(folder, 'node_modules');
const installed = join(modules, 'muse-bus-client');
mkdirSync(installed, { recursive: true });
const built = join(folder, 'built');
execFileSync(process.execPath, [join(ROOT, 'client/package/build.mjs'), built]);
const [{ filename, files }] = JSON.parse(
  execFileSync('npm', ['pack', built, '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
) as [{ filename: string; files: { path: string }[] }];
execFileSync('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', installed]);
for (const name of ['ws', 'msgpackr', 'react', '@types/react']) {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
}
writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));

function bytesIn(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

t.test('the client depends on ws and msgpackr alone, and all of it takes less than 3 MB', async (t) => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, object>;
  const whole = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const { ws, msgpackr } = whole.dependencies;
  t.strictSame(manifest['dependencies'], { ws, msgpackr });
  t.strictSame(manifest['optionalDependencies'], undefined);
  t.equal(manifest['version'], whole.version);
  // The native part of msgpackr is optional; npm installs it where there is a build for the machine.
  const parts = ['ws', 'msgpackr', 'msgpackr-extract', '@msgpackr-extract'].map((name) =>
    join(ROOT, 'node_modules', name),
  );
  const bytes = [installed, ...parts.filter(existsSync)].reduce((sum, path) => sum + bytesIn(path), 0);
  t.ok(bytes < MAX_INSTALLED_BYTES, `${String(bytes)} bytes`);
  const kinds = files.map(({ path }) => path).filter((path) => !path.startsWith('types/'));
  t.strictSame(kinds.sort(), [
    'LICENSE',
    'LICENSES.txt',
    'README.md',
    'browser.js',
    'index.cjs',
    'index.js',
    'package.json',
    'react.cjs',
    'react.js',
  ]);
});

t.test('it has the names of muse-bus, by import and by require', async (t) => {
  writeFileSync(
    join(folder, 'names.mjs'),
    `import { createRequire } from 'node:module';
     const require = createRequire(import.meta.url);
     const print = (names) => console.log(Object.keys(names).filter((name) => name !== 'default').sort().join());
     for (const entry of ['muse-bus-client', 'muse-bus-client/react']) {
       print(await import(entry));
       print(require(entry));
     }
     print(await import('muse-bus-client/browser'));
     print(await import(${JSON.stringify(join(ROOT, 'dist/client/sdk/index.js'))}));
     print(await import(${JSON.stringify(join(ROOT, 'dist/client/sdk/react.js'))}));
     print(await import(${JSON.stringify(join(ROOT, 'dist/client/sdk/browser.js'))}));
     const copies = await Promise.all([
       import('muse-bus-client'), import('muse-bus-client/browser'),
       import(${JSON.stringify(join(ROOT, 'dist/client/sdk/index.js'))}), import(${JSON.stringify(join(ROOT, 'dist/cjs/client/sdk/index.js'))}),
     ]);
     const errors = copies.map(({ BusError }) => new BusError('closed', '', ''));
     console.log(copies.every(({ BusError }) => errors.every((error) => error instanceof BusError) && !(new Error() instanceof BusError)));`,
  );
  const naming = new Command(process.execPath, [join(folder, 'names.mjs')]);
  t.equal(await naming.exit, 0, naming.errors.join('\n'));
  const [imported, required, react, requiredReact, browser, sdk, sdkReact, sdkBrowser, isOneClass] = naming.lines;
  t.match(sdk, /BusClient,BusError,/);
  t.strictSame([imported, required], [sdk, sdk]);
  t.strictSame([react, requiredReact], [sdkReact, sdkReact]);
  t.equal(browser, sdkBrowser);
  t.equal(isOneClass, 'true', 'an error of one copy is a BusError of each');
});

t.test('a program hears the bus through it', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  repository.rename('reservation', 'r1', { run_id: 'agent-1', addresses: ['src/a.py'], expires_at });
  repository.rename('task', 't1', { title: 'first' });
  await repository.start();
  copyFileSync(join(ROOT, 'test/smoke/client-program.mjs'), join(folder, 'program.mjs'));
  const running = new Command(process.execPath, [join(folder, 'program.mjs'), repository.root]);
  t.equal(await running.exit, 0, running.errors.join('\n'));
  t.strictSame(running.json(), [
    { runs: ['agent-1'], events: ['snapshot t1'], kinds: 7, refusal: 'bad-option', isOneClass: true },
  ]);
});

const TYPED = `
import { connect, type BusClient, type ConnectOptions } from 'muse-bus-client';
import { useHolders } from 'muse-bus-client/react';

export async function listen(signal?: AbortSignal): Promise<BusClient> {
  const options: ConnectOptions = { url: 'ws://127.0.0.1:1', token: 'x', signal };
  const bus = await connect(options);
  for await (const event of bus.subscribe({}, { signal })) {
    if (event.kind === 'reservation') console.log(event.data.addresses);
    // @ts-expect-error there is no such kind
    if (event.kind === 'nothing') return bus;
  }
  return bus;
}
export const free: 'yes' | 'no' | 'unknown' = useHolders(undefined, 'src/a.py').free;
`;
const PAGE = `
import { connect } from 'muse-bus-client/browser';
// @ts-expect-error a page has no repository, so the url is required
void connect();
`;

t.test('a strict program compiles against its types, as a module, as CommonJS and as a page', async (t) => {
  const programs = { 'typed.mts': TYPED, 'typed.cts': TYPED, 'page.mts': PAGE };
  t.equal(await compileStrictly(folder, programs, { noEmit: true }), '');
});
