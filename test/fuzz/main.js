import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import '../support/user-directories.mjs';

// The long forms, bundled and run: see docs/FUZZING.md. `all` as the first argument: every fuzzer together, on each engine; `bytes`:
// bytes on bare sockets alone.
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
