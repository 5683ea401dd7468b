/**
 * Bundles dist/client/cli with what it uses of the server, the SDK and the packages, split by command: a command then loads two or three
 * dozen files instead of hundreds, which is most of the time that it takes to start. esbuild splits ES modules alone, so each part is then
 * translated to CommonJS. What has a native part stays a package, and so does what only a relay needs. The library's entries, dist/server
 * and dist/client/sdk, are not touched.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { builtinsOnDemand } from './builtins-on-demand.mjs';
import { EXTERNAL } from './external-packages.mjs';
import { importBeyondBarrels } from './import-beyond-barrels.mjs';
import { licencesOf } from './licences.mjs';
import { withoutNativeMsgpackr } from './without-native-msgpackr.mjs';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const dist = join(project, 'dist');
const cli = join(dist, 'client/cli');
const out = join(dist, 'client/cli-bundled');
/** What this bundle does not contain: `main.cjs` and what that loads by itself, bundled by hook.mjs. */
const BESIDE = ['main.cjs', 'compile-hook.cjs', 'hook/main.cjs', 'hook/source.cjs', 'print-version.cjs'];

const WIDTH = `
  export default (text) => (/^[\\x20-\\x7e]*$/.test(text) ? text.length : require('string-width').default(text));
`;

const askForPlace = new Set();

const { metafile } = await build({
  entryPoints: [join(cli, 'command-line.js')],
  outdir: out,
  outbase: cli,
  absWorkingDir: project,
  chunkNames: 'chunks/[name]-[hash]',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  external: EXTERNAL,
  metafile: true,
  logLevel: 'warning',
  plugins: [
    withoutNativeMsgpackr,
    {
      // It starts Node's tables of all scripts, which takes as long as bare Node does. Printable ASCII needs none of them.
      name: 'string-width on demand',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^string-width$/ }, ({ path, namespace }) =>
          namespace === 'measured' ? undefined : { path, namespace: 'measured' },
        );
        onLoad({ filter: /./, namespace: 'measured' }, () => ({ contents: WIDTH, resolveDir: project }));
      },
    },
    {
      name: 'our modules',
      setup({ onLoad }) {
        onLoad({ filter: /\.js$/ }, async ({ path }) => {
          if (!path.startsWith(dist + sep)) return undefined;
          return { contents: atItsPlace(await importBeyondBarrels(path), path), loader: 'js' };
        });
      },
    },
    builtinsOnDemand(/^(node:)?(child_process|cluster|crypto|dns|http|https|net|querystring|readline|tls|zlib)$/, dist),
  ],
});

await writeFile(join(out, 'LICENSES.txt'), await licencesOf(Object.keys(metafile.inputs), project));
checkPlaces();
await Promise.all(Object.keys(metafile.outputs).map((file) => translate(join(project, file))));
const beside = await Promise.all(BESIDE.map((file) => readFile(join(cli, file), 'utf8')));
await rm(cli, { recursive: true });
await rename(out, cli);
for (const [i, file] of BESIDE.entries()) {
  await mkdir(dirname(join(cli, file)), { recursive: true });
  await writeFile(join(cli, file), beside[i]);
}
await chmod(join(cli, BESIDE[0]), 0o755);

/** Replaces a part of the bundle, an ES module, by the same in CommonJS. */
async function translate(file) {
  // The comments that name the modules in it are kept if they seem to be legal ones.
  const text = (await readFile(file, 'utf8')).replace(/^\/\/ (?=\S+\.[cm]?js$)/gm, '//! ');
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // An ES module, so that the default of a CommonJS package is all of it.
    sourcefile: `${file}.mjs`,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
  });
  const place = code.includes('moduleUrl')
    ? "const moduleUrl = require('node:url').pathToFileURL(__filename).href;\n"
    : '';
  await writeFile(file, place + code);
}

/** A module that asks for its own place, to find a file beside it, is told its place outside the bundle. */
function atItsPlace(text, path) {
  if (!text.includes('import.meta.url')) return text;
  askForPlace.add(path);
  const place = relative(join(cli, 'chunks'), path).split(sep).join('/');
  return text.replaceAll('import.meta.url', `new URL('${place}', import.meta.url).href`);
}

/** The replacement holds only for modules in chunks/. */
function checkPlaces() {
  for (const [file, { inputs }] of Object.entries(metafile.outputs)) {
    const misplaced = Object.keys(inputs).find((input) => askForPlace.has(join(project, input)));
    if (misplaced !== undefined && !file.includes('/chunks/')) throw new Error(`${misplaced} is not in chunks/`);
  }
}
