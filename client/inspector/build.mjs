/** Bundles the inspector into dist/inspector, and the browser extension into dist/inspector-extension. The bundles need no other files. */
import { copyFile, cp, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here('../../dist/inspector/');
const extension = here('../../dist/inspector-extension/');

await build({
  entryPoints: {
    inspector: here('page/main.tsx'),
    worker: here('worker/worker.ts'),
    style: here('style/inspector.css'),
  },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  // The codec's usual entry tries `new Function`. The page's security policy forbids that, and the browser reports it.
  alias: { msgpackr: 'msgpackr/index-no-eval' },
  // These files lie beside the style sheet, at every origin.
  external: ['icon.svg', './icon.svg', '/icon.svg'],
  legalComments: 'none',
  logLevel: 'warning',
});
await copyFile(here('index.html'), `${out}index.html`);
await copyFile(here('icon.svg'), `${out}icon.svg`);
await mkdir(extension, { recursive: true });
await cp(here('extension/'), extension, { recursive: true });
for (const file of ['inspector.js', 'worker.js', 'style.css', 'icon.svg']) await copyFile(out + file, extension + file);
