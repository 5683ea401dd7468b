import { build, type Metafile } from 'esbuild';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const entry = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The modules that an entry of the package imports, directly or through others, by path. */
async function reachedFrom(path: string, conditions: readonly string[]): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [entry(path)],
    bundle: true,
    write: false,
    format: 'esm',
    metafile: true,
    platform: conditions.includes('node') ? 'node' : 'browser',
    conditions: [...conditions],
    packages: 'external',
    logLevel: 'silent',
  });
  return metafile;
}

const outsideOf = (metafile: Metafile): string[] => [
  ...new Set(
    Object.values(metafile.inputs).flatMap(({ imports }) =>
      imports.filter(({ external }) => external).map(({ path }) => path),
    ),
  ),
];

t.test('the SDK imports only server/repository of the server: no engine, no journal and no command line', async (t) => {
  const metafile = await reachedFrom('client/sdk/index.ts', ['node']);
  const inputs = Object.keys(metafile.inputs);
  t.strictSame(
    inputs.filter((path) => /(^|\/)(server|client\/cli)\//.test(path) && !path.includes('server/repository/')),
    [],
  );
  const packages = outsideOf(metafile).filter((path) => !path.startsWith('node:'));
  t.strictSame(
    packages.filter((path) => !['ws', 'msgpackr', 'tinyqueue', 'picomatch', 'fs-native-extensions'].includes(path)),
    [],
  );
});

t.test('the browser entry imports nothing of Node', async (t) => {
  const metafile = await reachedFrom('client/sdk/browser.ts', ['browser']);
  t.strictSame(
    Object.keys(metafile.inputs).filter((path) => /(^|\/)(server|client\/cli)\//.test(path)),
    [],
  );
  const ofNode = outsideOf(metafile).filter((path) => path.startsWith('node:') || builtinModules.includes(path));
  t.strictSame(ofNode, []);
  t.notOk(outsideOf(metafile).includes('ws'));
});
