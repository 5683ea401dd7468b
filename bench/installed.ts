import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join, resolve } from 'node:path';
import { Unavailable } from './rounds.js';

/** @throws Unavailable where no such command is on the path. */
export function commandPath(name: string): string {
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  for (const place of places) {
    const path = join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  throw new Unavailable(`${name} is not installed`);
}

/** Where a package is that the project itself does not need: ours, or the directory named by MUSE_BENCH_MODULES. */
export function packagePath(name: string): string {
  const places = [process.env['MUSE_BENCH_MODULES'], import.meta.dirname].filter((place) => place !== undefined);
  for (const place of places) {
    try {
      return createRequire(join(resolve(place), 'from.js')).resolve(name);
    } catch {
      // Not here.
    }
  }
  throw new Unavailable(
    `the package ${name} is not installed; install it anywhere and name the place in MUSE_BENCH_MODULES`,
  );
}

/** The model of the original: named by MUSE_BUS_REF, or beside the repository. */
export function modelPath(): string {
  const places = [
    process.env['MUSE_BUS_REF'],
    '../shared/reference/ref_watch.py',
    '../../shared/reference/ref_watch.py',
  ];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined)
    throw new Unavailable('the model of the original is not here; name ref_watch.py in MUSE_BUS_REF');
  return resolve(found);
}
