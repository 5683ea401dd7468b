import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from './answer.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the build leaves the inspector, seen from the built server, from its source, and from the benches' build. */
const PLACES = ['../../../inspector', '../../../dist/inspector', '../../../../dist/inspector'];

/** The inspector as it was built, by path, read once; nothing where it was not built. */
export function inspectorPages(): ReadonlyMap<string, Page> {
  for (const place of PLACES) {
    const pages = readPages(fileURLToPath(new URL(place, import.meta.url)));
    if (pages.size > 0) return pages;
  }
  return new Map();
}

function readPages(directory: string): Map<string, Page> {
  const pages = new Map<string, Page>();
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return pages;
  }
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const page = { type, body: readFileSync(join(directory, name)) };
    pages.set(name === 'index.html' ? '/' : `/${name}`, page);
  }
  return pages.has('/') ? pages : new Map<string, Page>();
}
