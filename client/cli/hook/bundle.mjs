/** Makes one file of dist/client/cli/hook/main.js and all that it imports at once: to load it takes a tenth of the time. */
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const entry = fileURLToPath(new URL('../../../dist/client/cli/hook/main.js', import.meta.url));

await build({
  entryPoints: [entry],
  outfile: entry,
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  logLevel: 'warning',
  plugins: [
    {
      // What is loaded on demand stays where it is, and its packages stay packages.
      name: 'on demand',
      setup({ onResolve }) {
        onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
          if (kind !== 'dynamic-import') return undefined;
          const target = resolve(resolveDir, path);
          return { path: `./${relativeTo(dirname(entry), target)}`, external: true };
        });
      },
    },
  ],
});

function relativeTo(from, to) {
  return relative(from, to).split(sep).join('/');
}
