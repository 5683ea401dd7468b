import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join, resolve } from 'node:path';
import { Unavailable } from './rounds.js';

/** Returns the path of a command. @throws Unavailable if it is not on the search path. */
export function commandPath(name: string): string {
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  for (const place of places) {
    const path = join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  throw new Unavailable(`${name} is not installed`);
}

/** Finds a package that only the benchmarks need: in the directory that MUSE_BENCH_MODULES names, or among this project's modules. */
export function packagePath(name: string): string {
  const places = [process.env['MUSE_BENCH_MODULES'], import.meta.dirname].filter((place) => place !== undefined);
  for (const place of places) {
    try {
      return createRequire(join(resolve(place), 'from.js')).resolve(name);
    } catch {
      // Not in this directory.
    }
  }
  throw new Unavailable(
    `the package ${name} is not installed; install it anywhere and name the place in MUSE_BENCH_MODULES`,
  );
}

/** Returns the path of the model of `muse coord watch`: the one that MUSE_BUS_REF names, or the one beside the repository. */
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
