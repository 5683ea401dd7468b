import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

// The long form, bundled and run: see docs/FUZZING.md.
const outfile = join(resolve('.build'), 'fuzz', 'long.js');
await build({
  entryPoints: ['test/fuzz/long.ts'],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
});
await import(pathToFileURL(outfile).href);
