import { lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { findRepository, type RepositorySearch } from './find-repository.js';

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
