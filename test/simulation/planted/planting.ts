import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** A change of one file of the product: what is found in it, exactly once, becomes something else. */
export interface Patch {
  /** Below the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Where bundles go, so that what they need is found in the same `node_modules`. */
export const BUILT = '.build/planted';

/** A patch does not match the source: that has changed, and the patch must follow it. */
export class PatchError extends Error {}

/** @throws PatchError where what is to be replaced is not there exactly once */
export function patched(source: string, { file, find, replace }: Patch): string {
  const parts = source.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new PatchError(`${file}: found ${String(parts.length - 1)} times, not once:\n${find}`);
}

/**
 * Bundles the simulator with the product, changed by patches, into one file.
 * @param root of the repository.
 * @returns the path of the file
 */
export async function bundle(
  root: string,
  name: string,
  patches: readonly Patch[],
  entry = 'test/simulation/main.ts',
): Promise<string> {
  const outfile = join(root, BUILT, `${name}.mjs`);
  const byPath = new Map<string, Patch[]>();
  for (const patch of patches) {
    const path = join(root, patch.file);
    byPath.set(path, [...(byPath.get(path) ?? []), patch]);
  }
  const applied = new Set<string>();
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    plugins: [
      {
        name: 'patches',
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const own = byPath.get(path);
            if (!own) return undefined;
            applied.add(path);
            return { contents: own.reduce(patched, await readFile(path, 'utf8')), loader: 'ts' };
          });
        },
      },
    ],
  });
  const missed = [...byPath.keys()].filter((path) => !applied.has(path));
  if (missed.length > 0) throw new PatchError(`the simulator does not use ${missed.join(', ')}`);
  return outfile;
}
