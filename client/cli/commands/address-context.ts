import { realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { AddressContext } from '../../../protocol/index.js';
import { findRepository } from '../../../server/repository/index.js';
import type { Target } from './target.js';
import { workingDirectory as currentDirectory } from '../settings/working-directory.js';

/**
 * What a path on a command line is relative to: the repository, by its name and by where it really is, the repository whose
 * worktree it is, and the working directory in it.
 */
export function addressContext(
  { root }: Pick<Target, 'root'>,
  workingDirectory = workingDirectoryIfAny(),
): AddressContext {
  const isWindows = sep === '\\';
  const search = findRepository(root ?? workingDirectory ?? currentDirectory(), root !== undefined);
  if (search.is !== 'found') return { isWindows };
  const repository = search.root;
  const found = [repository, real(repository), dirname(real(join(repository, '.muse')))];
  const roots = [...new Set(found)];
  if (workingDirectory === undefined) return { isWindows, roots: roots.map(slashed), workingDirectory: '' };
  const inside = [workingDirectory, real(workingDirectory)]
    .flatMap((directory) => roots.map((from) => relative(from, directory)))
    .find((path) => !path.startsWith('..') && path !== workingDirectory && !/^[A-Za-z]:/.test(path));
  return { isWindows, roots: roots.map(slashed), workingDirectory: slashed(inside ?? '') };
}

/** Who has named a repository needs no working directory. */
function workingDirectoryIfAny(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

const slashed = (path: string): string => path.split(sep).join('/');

/** Where a path leads; the path itself where that cannot be seen. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
