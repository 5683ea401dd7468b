import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { currentUser, isOwn, isSudoUser } from './owner.js';
import { isSafeDirectory, safeDirectories } from './safe-directories.js';

/** The outcome of looking for the repository around a directory. */
export type RepositorySearch =
  | { readonly is: 'found'; readonly root: string }
  | { readonly is: 'none' }
  /** There is one, and it is another user's: what it says may be meant to mislead. */
  | { readonly is: 'refused'; readonly root: string; readonly why: string; readonly hint: string };

/**
 * The nearest directory at or above `from` that holds `.muse`. One of another user stops the search: in a directory that many
 * can write to, anybody could have put it there.
 * @param isNamed whether somebody has named `from`: that is consent to a `.muse` in it, and to none above.
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
 * The repository that a directory belongs to: Muse's worktrees lie beside it, and their `.muse` is a link to its own, which is followed
 * once. Whatever a server keeps lies in the real one, so that one server is enough for all. To name a worktree is no consent to
 * a repository of another user that it leads to.
 */
export function followWorktree(root: string, env: NodeJS.ProcessEnv = process.env): RepositorySearch {
  const muse = join(root, '.muse');
  try {
    if (!lstatSync(muse).isSymbolicLink()) return { is: 'found', root };
    const real = realpathSync(muse);
    if (basename(real) === '.muse' && statSync(real).isDirectory()) return findRepository(dirname(real), false, env);
  } catch {
    // Whoever opens it says what is wrong with it.
  }
  return { is: 'found', root };
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
    // A directory that may not be searched holds nothing for this user.
    return undefined;
  }
}
