/**
 * Translates the entries of the SDK (`muse-bus`, `muse-bus/testing`, `muse-bus/react` and `muse-bus/protocol`) into dist/cjs, for programs
 * and test runners that call `require`. Each file is translated on its own, so that the entries share their modules. A package that exists
 * on npm only as ES modules is put into each file that needs it.
 */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const out = join(dist, 'cjs');
/** Packages that exist only as ES modules. */
const BUNDLED = new Set(['tinyqueue']);

const ENTRIES = ['client/sdk/index.js', 'client/sdk/testing.js', 'client/sdk/react.js', 'protocol/index.js'];

/** Returns all our modules that the entries import. */
async function reached() {
  const { metafile } = await build({
    entryPoints: ENTRIES.map((entry) => join(dist, entry)),
    outdir: out,
    absWorkingDir: dist,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.inputs);
}

const files = await reached();

await build({
  entryPoints: files.map((file) => join(dist, file)),
  outdir: out,
  outbase: dist,
  bundle: true,
  format: 'cjs',
  target: 'node20',
  platform: 'node',
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
  plugins: [
    {
      name: 'file by file',
      setup({ onResolve }) {
        onResolve({ filter: /./ }, ({ path, kind }) =>
          kind === 'entry-point' || BUNDLED.has(path) ? undefined : { path, external: true },
        );
      },
    },
  ],
});

// Copies all declarations, because no import reaches a module that has only types.
for (const folder of ['client', 'protocol', 'server']) {
  const filter = (path) => extname(path) === '' || path.endsWith('.d.ts');
  await cp(join(dist, folder), join(out, folder), { recursive: true, filter });
}
for (const folder of ['cli', 'inspector']) await rm(join(out, 'client', folder), { recursive: true, force: true });
await writeFile(join(out, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);

// The declarations of both forms, ES modules and CommonJS, use `await using`, which the libraries of a program may not declare.
const DECLARATIONS = [
  'client/sdk/index',
  'client/sdk/browser',
  'client/sdk/testing',
  'server/index',
  'cjs/client/sdk/index',
  'cjs/client/sdk/testing',
  'client/sdk/react',
  'cjs/client/sdk/react',
];
for (const entry of DECLARATIONS) {
  const path = join(dist, `${entry}.d.ts`);
  const text = await readFile(path, 'utf8');
  const reference = '/// <reference lib="esnext.disposable" />\n';
  if (!text.startsWith(reference)) await writeFile(path, reference + text);
}
