/**
 * Bundles dist/client/cli/hook/main.js and print-version.js, each with its static imports, into one CommonJS file, which Node loads faster than
 * an ES module; and commands/source.js with all its imports into hook/source.cjs, which the hook loads when no server answers. In a bundle
 * each module of Node is loaded at its first use: an import of node:crypto alone would load as much as the whole hook.
 * The hook's bundles are functions instead of modules, because main.cts runs them with code that compile-hook.cts keeps.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { builtinsOnDemand } from './builtins-on-demand.mjs';
import { EXTERNAL } from './external-packages.mjs';
import { importBeyondBarrels } from './import-beyond-barrels.mjs';
import { withoutNativeMsgpackr } from './without-native-msgpackr.mjs';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
const cli = join(dist, 'client/cli');
const FUNCTION = { banner: { js: '(function (module, require, runBundle) {' }, footer: { js: '})' } };

await bundle('commands/source', 'hook/source', FUNCTION);
await bundle('hook/main', 'hook/main', { ...FUNCTION, plugins: [onDemand()] });
await bundle('print-version', 'print-version', {});
const hook = join(cli, 'hook/main.cjs');
// A script that is not a module imports none by itself.
await writeFile(hook, (await readFile(hook, 'utf8')).replace(/\bimport\(/g, 'runBundle('));
for (const entry of ['hook/main', 'print-version']) await rm(join(cli, `${entry}.js`));

function bundle(entry, out, { plugins = [], ...around }) {
  return build({
    entryPoints: [join(cli, `${entry}.js`)],
    ...around,
    outfile: join(cli, `${out}.cjs`),
    bundle: true,
    format: 'cjs',
    target: 'node20',
    platform: 'node',
    minify: true,
    external: EXTERNAL,
    // Of the modules that look for a file beside them, none does so in a bus without a port or a journal.
    define: { 'import.meta.url': 'undefined' },
    logLevel: 'warning',
    plugins: [...plugins, withoutStringWidth(), withoutNativeMsgpackr, ourModules(), builtinsOnDemand(/^node:/, dist)],
  });
}

/** What the hook imports on demand is the bundle of its own. */
function onDemand() {
  return {
    name: 'on demand',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined;
        const target = relative(cli, resolve(resolveDir, path)).split(sep).join('/');
        if (target !== 'commands/source.js') throw new Error(`the hook has no bundle for ${target}`);
        return { path: 'hook/source.cjs', external: true };
      });
    },
  };
}

function withoutStringWidth() {
  return {
    name: 'without string-width',
    setup({ onResolve, onLoad }) {
      // string-width loads tables for all scripts. Only columns of tables are measured with it, and the hook prints no table.
      onResolve({ filter: /^string-width$/ }, () => ({ path: 'string-width', namespace: 'unmeasured' }));
      onLoad({ filter: /./, namespace: 'unmeasured' }, () => ({ contents: 'export default (text) => text.length;' }));
    },
  };
}

function ourModules() {
  return {
    name: 'our modules',
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, async ({ path }) =>
        path.startsWith(dist + sep) ? { contents: await importBeyondBarrels(path), loader: 'js' } : undefined,
      );
    },
  };
}
