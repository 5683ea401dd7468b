import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The paths that would be published. Builds and writes nothing. */
function packedPaths(): readonly string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const listed = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const [packed] = JSON.parse(listed) as [{ files: { path: string }[] }];
  return packed.files.map(({ path }) => path);
}

const PATHS = packedPaths();
const CLI = 'dist/client/cli';

t.test('the package has these entries and no others', async (t) => {
  t.strictSame([...new Set(PATHS.map((path) => path.split('/')[0]))].sort(), [
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist',
    'docs',
    'package.json',
    'protocol',
  ]);
  t.strictSame(
    [...new Set(PATHS.filter((path) => path.startsWith('dist/')).map((path) => path.split('/')[1]))].sort(),
    ['cjs', 'client', 'inspector', 'inspector-extension', 'protocol', 'server'],
  );
});

t.test('the package holds no tests, benchmarks, source maps, secrets or private state', async (t) => {
  const unwanted =
    /(^|\/)(test|bench|node_modules|\.muse|\.git|\.ci)\/|\.(map|pem|key|creds|env|node|log|tsbuildinfo)$|(^|\/)(token|\.npmrc|endpoint\.json)$/;
  t.strictSame(
    PATHS.filter((path) => unwanted.test(path)),
    [],
  );
});

t.test('every module in the package has a source file: nothing is left from an earlier build', async (t) => {
  // The commands are bundled: their files are parts of modules, by esbuild's names.
  const modules = PATHS.filter(
    (path) => /^dist\/(client|protocol|server)\/.*(\.js|\.d\.ts)$/.test(path) && !path.startsWith(`${CLI}/chunks/`),
  );
  t.ok(modules.length > 100);
  const orphans = modules.filter((path) => {
    const source = path.replace(/^dist\//, '').replace(/(\.d\.ts|\.js)$/, '');
    return !existsSync(join(ROOT, `${source}.ts`)) && !existsSync(join(ROOT, `${source}.tsx`));
  });
  t.strictSame(orphans, []);
});

t.test('no packed text names a directory of the machine that built it, or a source map', async (t) => {
  const texts = PATHS.filter((path) => /\.(c?js|ts|md|json|html|css|svg|yaml)$/.test(path));
  // The path of a checkout at / or in a directory of one letter would match in any text.
  const places = [ROOT, process.env['HOME'] ?? ''].filter((place) => place.length > 6);
  const naming = texts.filter((path) => {
    const text = read(path);
    return places.some((place) => text.includes(place)) || /^\/\/# sourceMappingURL=/m.test(text);
  });
  t.strictSame(naming, []);
});

t.test(
  'every link of a packed document leads to a packed file or to an absolute address, a picture to one of the repository',
  async (t) => {
    const documents = PATHS.filter((path) => path.endsWith('.md'));
    t.ok(documents.includes('README.md'));
    for (const document of documents) {
      const prose = read(document).replace(/^```[^]*?^```/gm, '');
      const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
      const dead = links.filter((link) => {
        if (/^(https?:|mailto:|#)/.test(link)) return false;
        const target = posix.normalize(posix.join(posix.dirname(document), link.split('#')[0]!));
        // Half of the package were pictures. Whoever reads the documents in a terminal reads what they are of instead.
        if (target.endsWith('.png')) return !existsSync(join(ROOT, target));
        return !PATHS.includes(target);
      });
      t.strictSame(dead, [], document);
    }
  },
);

/** The text of everything that is loaded before a command begins: its part of the bundle and all that this imports. */
function loadedFor(command: string): string {
  const found = PATHS.find((path) => new RegExp(`^${CLI}/chunks/${command}-[A-Z0-9]+\\.cjs$`).test(path));
  const texts = new Map<string, string>();
  const load = (path: string): void => {
    if (texts.has(path)) return;
    const text = read(path);
    texts.set(path, text);
    for (const [, part] of text.matchAll(/^(?:var \w+ = )?require\("\.\/([^"]+)"\);$/gm))
      load(`${CLI}/chunks/${part!}`);
  };
  load(found!);
  return [...texts.values()].join('\n');
}

t.test('a command loads what it needs, from a few files', async (t) => {
  const holders = loadedFor('holders');
  t.match(holders, '//! dist/client/cli/commands/server-holding.js');
  t.notMatch(holders, /^\/\/! (dist\/client\/sdk\/connection\.js|node_modules\/(ws|msgpackr)\/)/m, 'nor a client');
  t.notMatch(holders, /^\/\/! dist\/server\/(network|watch|store|journal)\//m, 'holders does not load a server');
  t.match(loadedFor('get'), '//! dist/client/sdk/connection.js');
  t.notMatch(holders, /^\/\/! node_modules\/(zod|pino|@modelcontextprotocol)\//m);
  for (const command of ['serve', 'edge', 'demo', 'mcp', 'doctor'])
    t.notMatch(
      loadedFor(command),
      /^\/\/! (dist\/server\/network|node_modules\/(zod|pino|ws))\//m,
      `the help of ${command}`,
    );
});

t.test(
  'what every command loads is CommonJS, and a bundle of its own for what an agent waits for at each edit, and for the version',
  (t) => {
    const imports = (file: string): string[] =>
      [...read(`${CLI}/${file}`).matchAll(/\bimport\(([^)]*)\)/g)].map(([, of]) => of!);
    t.same(imports('main.cjs'), []);
    t.same(imports('command-line.cjs'), []);
    t.same(
      PATHS.filter((path) => path.startsWith(`${CLI}/`) && path.endsWith('.js')),
      [],
    );
    t.same(imports('hook/main.cjs'), []);
    t.same(imports('hook/source.cjs'), ['"lmdb"'], 'of a journal, which a bus that only reads has not');
    const run = [...read(`${CLI}/hook/main.cjs`).matchAll(/\brunBundle\(("[^)]*)\)/g)].map(([, of]) => of!);
    t.same(run, ['"hook/source.cjs"'], 'only where no server of the repository answers');
    t.same(imports('print-version.cjs'), []);
    t.notMatch(read(`${CLI}/print-version.cjs`), 'commander');
    t.end();
  },
);

t.test('code that V8 compiled on this machine is not packed', (t) => {
  t.notOk(PATHS.some((path) => path.startsWith(`${CLI}/compiled`)));
  t.same(PATHS.filter((path) => path.startsWith(`${CLI}/hook/`)).sort(), [
    `${CLI}/hook/main.cjs`,
    `${CLI}/hook/source.cjs`,
  ]);
  t.end();
});

t.test('the licence of each package in the bundle of the commands is packed', async (t) => {
  const bundled = PATHS.filter((path) => path.startsWith(`${CLI}/chunks/`)).flatMap((path) =>
    [...read(path).matchAll(/^\/\/! (?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name]) => name!),
  );
  const licences = read(`${CLI}/LICENSES.txt`);
  t.ok(bundled.includes('ws'));
  for (const name of new Set(bundled)) t.match(licences, new RegExp(`^${name} \\S+ \\(.+\\)$`, 'm'), name);
});
