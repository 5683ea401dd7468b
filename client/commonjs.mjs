/**
 * Translates the entries of the SDK (`muse-bus`, `muse-bus/testing`, `muse-bus/react` and `muse-bus/protocol`) into dist/cjs, for programs
 * and test runners that call `require`. Each file is translated on its own, so that the entries share their modules. A package that exists
 * on npm only as ES modules is put into each file that needs it.
 */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/** Returns the declarations that the entries' own declarations import, because no import of the code reaches a module that has only types. */
async function declared() {
  const found = new Set(ENTRIES.map((entry) => entry.replace(/\.js$/, '.d.ts')));
  for (const path of found) {
    const text = await readFile(join(dist, path), 'utf8');
    for (const [, imported] of text.matchAll(/(?:from|import|import\() ?['"](\.[^'"]+)\.js['"]/g)) {
      found.add(join(dirname(path), `${imported}.d.ts`));
    }
  }
  return found;
}

for (const path of await declared()) await cp(join(dist, path), join(out, path));
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
