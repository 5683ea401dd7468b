/**
 * Builds `muse-bus-client` into .build/client-package, or into the given directory: the SDK without the server, the command line and their dependencies. It is the code
 * of `muse-bus`, from the same sources. `muse-bus` does not import it: its server and its command line share modules with its SDK, which would be there twice, and
 * every release would need the two packages at one version. Errors are recognised across both (`client/sdk/bus-error.ts`). Names and declarations are those in dist, so `npm run build` comes first.
 *
 * Node's code is there once, as CommonJS, with a module beside it that passes its names on: a program that has the package by `import` and by
 * `require` has one class BusError. Pages have a module of their own.
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licencesOf } from '../cli/bundle/licences.mjs';

const project = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(project, 'dist');
/** Tests name a directory of their own. */
const out = process.argv[2] ?? join(project, '.build/client-package');

/** The packages that stay packages. Everything else that the SDK imports is small, and is copied into it. */
const DEPENDENCIES = ['ws', 'msgpackr'];
/** Node's part of msgpackr is chosen by msgpackr itself. The lock of a server's state is not the client's, and falls away. */
const EXTERNAL = [...DEPENDENCIES, 'react', 'fs-native-extensions'];

const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';
/** The declarations that each entry begins with. */
const DECLARED = ['client/sdk/index', 'client/sdk/browser', 'client/sdk/react'];

const options = {
  absWorkingDir: project,
  bundle: true,
  metafile: true,
  target: 'es2022',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [
    {
      name: 'packages that stay packages',
      setup({ onResolve }) {
        const names = new RegExp(`^(${EXTERNAL.join('|')})$`);
        onResolve({ filter: names }, ({ path }) => ({ path, external: true, sideEffects: false }));
      },
    },
  ],
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const bundles = await Promise.all([
  build({
    ...options,
    entryPoints: ['client/sdk/index.ts'],
    outfile: join(out, 'index.cjs'),
    format: 'cjs',
    platform: 'node',
  }),
  build({
    ...options,
    entryPoints: ['client/sdk/browser.ts'],
    outfile: join(out, 'browser.js'),
    format: 'esm',
    platform: 'browser',
  }),
  build({
    ...options,
    entryPoints: ['client/sdk/react.ts'],
    outfile: join(out, 'react.cjs'),
    format: 'cjs',
    platform: 'neutral',
  }),
  build({
    ...options,
    entryPoints: ['client/sdk/react.ts'],
    outfile: join(out, 'react.js'),
    format: 'esm',
    platform: 'neutral',
  }),
]);

const own = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
checkImports();
await writeFile(join(out, 'index.js'), await modulePassingOn('./index.cjs'));
await copyDeclarations();
await cp(join(project, 'LICENSE'), join(out, 'LICENSE'));
await cp(join(project, 'client/package/README.md'), join(out, 'README.md'));
const inputs = bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs));
await writeFile(join(out, 'LICENSES.txt'), await licencesOf(inputs, project, 'The modules'));
await writeFile(join(out, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);

/** A package that the SDK begins to import has to be listed here, or copied. */
function checkImports() {
  const allowed = new Set([...DEPENDENCIES, 'react']);
  for (const { metafile } of bundles) {
    for (const { imports } of Object.values(metafile.outputs)) {
      const other = imports.find(({ path, external }) => external && !path.startsWith('node:') && !allowed.has(path));
      if (other) throw new Error(`${other.path} is no dependency of muse-bus-client`);
    }
  }
}

/** Written out, because not every runtime finds the names of a CommonJS module by reading it. */
async function modulePassingOn(file) {
  const names = Object.keys(await import(join(dist, 'client/sdk/index.js'))).sort();
  return `import sdk from '${file}';\nexport default sdk;\nexport const { ${names.join(', ')} } = sdk;\n`;
}

/**
 * Copies the declarations that the entries reach, as those of CommonJS, which Node's code is: a program that imports it sees the same names.
 * A second copy for modules would be larger than the code.
 */
async function copyDeclarations() {
  const found = new Set(DECLARED.map((entry) => `${entry}.d.ts`));
  for (const path of found) {
    const text = await readFile(join(dist, path), 'utf8');
    for (const [, imported] of text.matchAll(/(?:from|import|import\() ?['"](\.[^'"]+)\.js['"]/g)) {
      found.add(join(dirname(path), `${imported}.d.ts`));
    }
    await mkdir(dirname(join(out, 'types', path)), { recursive: true });
    // They use `await using`, which the libraries of a program may not declare.
    const isReferring = text.startsWith('/// <reference') || !DECLARED.includes(path.replace(/\.d\.ts$/, ''));
    await writeFile(join(out, 'types', path), isReferring ? text : `${DISPOSABLE}${text}`);
  }
  await writeFile(join(out, 'types/package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
}

function manifest() {
  const entry = (name) => ({
    types: `./types/client/sdk/${name}.d.ts`,
    require: `./${name}.cjs`,
    default: `./${name}.js`,
  });
  const browser = { types: './types/client/sdk/browser.d.ts', default: './browser.js' };
  return {
    name: 'muse-bus-client',
    version: own.version,
    description: 'The client of muse-bus for programs that only listen: Node, Bun, Deno and browsers.',
    keywords: own.keywords,
    license: own.license,
    type: 'module',
    engines: own.engines,
    exports: {
      '.': { browser, ...entry('index') },
      './browser': browser,
      './react': entry('react'),
      './package.json': './package.json',
    },
    types: './types/client/sdk/index.d.ts',
    main: './index.cjs',
    sideEffects: false,
    publishConfig: own.publishConfig,
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, own.dependencies[name]])),
    peerDependencies: own.peerDependencies,
    peerDependenciesMeta: own.peerDependenciesMeta,
  };
}
