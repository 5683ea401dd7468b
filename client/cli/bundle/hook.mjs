/**
 * Bundles dist/client/cli/hook/main.js and print-version.js, each with its static imports, into one CommonJS file, which Node loads faster than
 * an ES module. In it each module of Node is loaded at its first use: an import of node:crypto alone would load as much as the whole hook.
 * The hook is a function instead of a module, because main.cts runs it with code that compile-hook.cts keeps.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { builtinsOnDemand } from './builtins-on-demand.mjs';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
const cli = join(dist, 'client/cli');
const FUNCTION = { banner: { js: '(function (module, require, importModule) {' }, footer: { js: '})' } };
const entries = ['hook/main', 'print-version'];

for (const entry of entries) await bundle(entry, entry === 'hook/main' ? FUNCTION : {});
const hook = join(cli, 'hook/main.cjs');
// A script that is not a module imports none by itself.
await writeFile(hook, (await readFile(hook, 'utf8')).replace(/\bimport\(/g, 'importModule('));
for (const entry of entries) await rm(join(cli, `${entry}.js`));

function bundle(entry, around) {
  return build({
    entryPoints: [join(cli, `${entry}.js`)],
    ...around,
    outdir: cli,
    outbase: cli,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    target: 'node20',
    platform: 'node',
    minify: true,
    logLevel: 'warning',
    plugins: [
      {
        // A dynamically imported module stays a file of its own and is not bundled. Only the hook has some.
        name: 'on demand',
        setup({ onResolve }) {
          onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
            if (kind !== 'dynamic-import') return undefined;
            const target = resolve(resolveDir, path);
            return { path: `./${relative(cli, target).split(sep).join('/')}`, external: true };
          });
        },
      },
      {
        name: 'what takes long to load',
        setup({ onResolve, onLoad }) {
          // string-width loads tables for all scripts. Only columns of tables are measured with it, and the hook prints no table.
          onResolve({ filter: /^string-width$/ }, () => ({ path: 'string-width', namespace: 'unmeasured' }));
          onLoad({ filter: /./, namespace: 'unmeasured' }, () => ({
            contents: 'export default (text) => text.length;',
          }));
        },
      },
      builtinsOnDemand(/^node:/, dist),
    ],
  });
}
