/**
 * Bundles dist/client/cli/hook/main.js and its static imports into one file. In this file each module of Node is loaded at its first use:
 * an import of node:crypto alone would load as much as the whole hook.
 */
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { builtinsOnDemand, REQUIRE_BANNER } from './builtins-on-demand.mjs';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
const entry = join(dist, 'client/cli/hook/main.js');

await build({
  entryPoints: [entry],
  outfile: entry,
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  minify: true,
  banner: { js: REQUIRE_BANNER },
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
        // string-width loads tables for all scripts. Only columns of tables are measured with it, and the hook prints no table.
        onResolve({ filter: /^string-width$/ }, () => ({ path: 'string-width', namespace: 'unmeasured' }));
        onLoad({ filter: /./, namespace: 'unmeasured' }, () => ({ contents: 'export default (text) => text.length;' }));
      },
    },
    builtinsOnDemand(/^node:/, dist),
  ],
});

function relativeTo(from, to) {
  return relative(from, to).split(sep).join('/');
}
