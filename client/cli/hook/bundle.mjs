/**
 * Bundles dist/client/cli/hook/main.js and its static imports into one file. In this file each module of Node is loaded at its first use:
 * an import of node:crypto alone would load as much as the whole hook.
 */
import { createRequire } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const entry = fileURLToPath(new URL('../../../dist/client/cli/hook/main.js', import.meta.url));

const builtin = createRequire(import.meta.url);
const BUILTIN = 'builtin';

await build({
  entryPoints: [entry],
  outfile: entry,
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  minify: true,
  banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
  plugins: [
    {
      // A dynamically imported module stays a file of its own and is not bundled.
      name: 'on demand',
      setup({ onResolve }) {
        onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
          if (kind !== 'dynamic-import') return undefined;
          const target = resolve(resolveDir, path);
          return { path: `./${relativeTo(dirname(entry), target)}`, external: true };
        });
      },
    },
    {
      name: 'what takes long to load',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^node:/ }, ({ path, kind, namespace }) =>
          namespace === BUILTIN || kind === 'dynamic-import' ? { path, external: true } : { path, namespace: BUILTIN },
        );
        // string-width loads tables for all scripts. Only columns of tables are measured with it, and the hook prints no table.
        onResolve({ filter: /^string-width$/ }, () => ({ path: 'string-width', namespace: 'unmeasured' }));
        onLoad({ filter: /./, namespace: 'unmeasured' }, () => ({ contents: 'export default (text) => text.length;' }));
        onLoad({ filter: /./, namespace: BUILTIN }, ({ path }) => {
          const names = Object.keys(builtin(path)).filter((name) => /^[A-Za-z]\w*$/.test(name));
          const getters = names.map((name) => `get ${name}() { return require('${path}').${name}; }`);
          return { contents: `module.exports = { ${getters.join(', ')} };`, loader: 'js' };
        });
      },
    },
  ],
});

function relativeTo(from, to) {
  return relative(from, to).split(sep).join('/');
}
