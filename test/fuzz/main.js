import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import '../support/user-directories.mjs';

// The long form, bundled and run: see docs/FUZZING.md. `bytes` as the first argument: bytes on bare sockets alone.
const name = process.argv[2] === 'bytes' ? 'bytes-long' : 'long';
if (name === 'bytes-long') process.argv.splice(2, 1);
const outfile = join(resolve('.build'), 'fuzz', `${name}.js`);
await build({
  entryPoints: [`test/fuzz/${name}.ts`],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
});
await import(pathToFileURL(outfile).href);
