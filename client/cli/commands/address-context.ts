import { realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { AddressContext } from '../../../protocol/index.js';
import { findRepository } from '../../../server/repository/index.js';
import { otherRepositoryOf } from './other-repository.js';
import type { Target } from './target.js';
import { workingDirectory as currentDirectory } from '../settings/working-directory.js';

/**
 * Returns what a path on the command line may be relative to: the repository (by the given path and by its real path), the main repository
 * of a worktree, and the working directory.
 */
export function addressContext(target: Target, workingDirectory = workingDirectoryIfAny()): AddressContext {
  // An absolute path in this repository is none in that of another bus.
  const root = target.root ?? otherRepositoryOf(target)?.path;
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

/** Without a working directory, --root can still name a repository. */
function workingDirectoryIfAny(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

const slashed = (path: string): string => path.split(sep).join('/');

/** The real path; the path itself if it cannot be resolved. */
function real(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
