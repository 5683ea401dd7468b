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
  const modules = PATHS.filter((path) => /^dist\/(client|protocol|server)\/.*(\.js|\.d\.ts)$/.test(path));
  t.ok(modules.length > 100);
  const orphans = modules.filter((path) => {
    const source = path.replace(/^dist\//, '').replace(/(\.d\.ts|\.js)$/, '');
    return !existsSync(join(ROOT, `${source}.ts`)) && !existsSync(join(ROOT, `${source}.tsx`));
  });
  t.strictSame(orphans, []);
});

t.test('no packed text names a directory of the machine that built it, or a source map', async (t) => {
  const texts = PATHS.filter((path) => /\.(js|ts|md|json|html|css|svg|yaml)$/.test(path));
  // The path of a checkout at / or in a directory of one letter would match in any text.
  const places = [ROOT, process.env['HOME'] ?? ''].filter((place) => place.length > 6);
  const naming = texts.filter((path) => {
    const text = read(path);
    return places.some((place) => text.includes(place)) || /^\/\/# sourceMappingURL=/m.test(text);
  });
  t.strictSame(naming, []);
});

t.test('every link of a packed document leads to a packed file or to an absolute address', async (t) => {
  const documents = PATHS.filter((path) => path.endsWith('.md'));
  t.ok(documents.includes('README.md'));
  for (const document of documents) {
    const prose = read(document).replace(/^```[^]*?^```/gm, '');
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    const dead = links.filter((link) => {
      if (/^(https?:|mailto:|#)/.test(link)) return false;
      const target = posix.normalize(posix.join(posix.dirname(document), link.split('#')[0]!));
      return !PATHS.includes(target);
    });
    t.strictSame(dead, [], document);
  }
});
