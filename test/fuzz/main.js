import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import '../support/user-directories.mjs';

// Bundles and runs a long form: see docs/FUZZING.md. The first argument `all` runs all fuzzers together, on each engine; `bytes` runs
// only bytes on bare sockets.
const FORMS = { all: 'all', bytes: 'bytes-long' };
const form = FORMS[process.argv[2]];
if (form !== undefined) process.argv.splice(2, 1);
const name = form ?? 'long';
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
