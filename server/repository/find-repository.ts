import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { currentUser, isOwn, isSudoUser } from './owner.js';
import { isSafeDirectory, safeDirectories } from './safe-directories.js';

/** The result of the search for the repository that contains a directory. */
export type RepositorySearch =
  | { readonly is: 'found'; readonly root: string }
  | { readonly is: 'none' }
  /** A repository was found, but it belongs to another user, who may have made its files to mislead. */
  | { readonly is: 'refused'; readonly root: string; readonly why: string; readonly hint: string };

/**
 * Finds the nearest directory at or above `from` that holds `.muse`. A `.muse` of another user ends the search: in a directory
 * that others can write to, any user could have put it there.
 * @param isNamed whether the user has named `from`: that is consent to a `.muse` in it, but not to one above.
 */
export function findRepository(from: string, isNamed = false, env: NodeJS.ProcessEnv = process.env): RepositorySearch {
  const start = resolve(from);
  for (let root = start; ; root = dirname(root)) {
    const muse = statsOf(join(root, '.muse'));
    if (muse !== undefined) {
      if (isNamed && root === start) return { is: 'found', root };
      return judged(root, muse, env);
    }
    if (root === dirname(root)) return { is: 'none' };
  }
}

/**
 * Finds the repository of a worktree. Muse's worktrees lie beside their repository, and their `.muse` is a link to the
 * repository's, which is followed once. A server keeps its files in the repository, so that one server is enough for all
 * worktrees. To name a worktree is not consent to a repository of another user to which it leads.
 */
export function followWorktree(root: string, env: NodeJS.ProcessEnv = process.env): RepositorySearch {
  const muse = join(root, '.muse');
  try {
    if (!lstatSync(muse).isSymbolicLink()) return { is: 'found', root };
    const real = realpathSync(muse);
    if (basename(real) === '.muse' && statSync(real).isDirectory()) return findRepository(dirname(real), false, env);
  } catch {
    // The caller that opens it reports what is wrong.
  }
  return { is: 'found', root };
}

/** Finds the repository that a directory belongs to: the one that contains it, or the one that the worktree around it is of. */
export function findRepositoryOf(
  from: string,
  isNamed = false,
  env: NodeJS.ProcessEnv = process.env,
): RepositorySearch {
  const around = findRepository(from, isNamed, env);
  return around.is === 'found' ? followWorktree(around.root, env) : around;
}

function judged(root: string, muse: Stats, env: NodeJS.ProcessEnv): RepositorySearch {
  const parent = statSync(root);
  const foreign = [muse, parent].find((stats) => !isOwn(stats) && !isSudoUser(stats, env));
  if (foreign === undefined || isSafeDirectory(root, safeDirectories(env))) return { is: 'found', root };
  const what = foreign === muse ? join(root, '.muse') : root;
  return {
    is: 'refused',
    root,
    why: `${what} belongs to user ${String(foreign.uid)}, not to user ${String(currentUser())}`,
    hint: `where you trust that user: name it with --root ${root}, add it to safe_directories in your own config.json, or set MUSE_BUS_SAFE_DIRECTORY=${root}`,
  };
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // A directory that this user may not search counts as one without `.muse`.
    return undefined;
  }
}
