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

/** The directories of the built inspector, relative to this file in the built server, in the sources, and in the build of the benches. */
const PLACES = ['../../../inspector', '../../../dist/inspector', '../../../../dist/inspector'];

/** Reads the built inspector's files, by path; none if it was not built. */
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
