import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A working tree of git, read without the program git, which would take longer than the rest of the hook. */
export interface GitTree {
  readonly top: string;
  /** The main working tree, if this one is linked. */
  readonly main: string | undefined;
  /** The one that is checked out, or that a rebase works on; `undefined` if there is none, or if it cannot be read. */
  readonly branch: string | undefined;
}

const MAX_BYTES = 4_096;
const GIT_MS = 1_000;

/** Yields the working trees around a directory, the innermost first. */
export function* gitTreesAround(directory: string): Generator<GitTree> {
  for (let top = resolve(directory); ; top = dirname(top)) {
    const tree = gitTreeAt(top);
    if (tree) yield tree;
    if (top === dirname(top)) return;
  }
}

function gitTreeAt(top: string): GitTree | undefined {
  const git = join(top, '.git');
  const stats = statsOf(git);
  if (stats?.isDirectory()) return { top, main: undefined, branch: branchIn(git) };
  if (!stats?.isFile()) return undefined;
  const pointed = /^gitdir: (.+)$/m.exec(smallText(git) ?? '')?.[1];
  if (pointed === undefined) return undefined;
  const directoryOfTree = resolve(top, pointed.trim());
  const main = /^(.*)[\\/]\.git[\\/]worktrees[\\/][^\\/]+$/.exec(directoryOfTree)?.[1];
  return { top, main, branch: branchIn(directoryOfTree) };
}

/** An agent's directory may be anything: a path that cannot be looked at has no tree. */
function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Where git keeps the branch: in the second and third while it is rebased, as no branch is checked out then. */
const BRANCH_FILES = ['HEAD', 'rebase-merge/head-name', 'rebase-apply/head-name'] as const;
/** Stands in `HEAD` where the branches are in a table of references, which only git reads. */
const IN_TABLE = '.invalid';

function branchIn(gitDirectory: string): string | undefined {
  for (const file of BRANCH_FILES) {
    const branch = /^(?:ref: )?refs\/heads\/(.+)$/m.exec(smallText(join(gitDirectory, file)) ?? '')?.[1]?.trim();
    if (branch === IN_TABLE) return branchInTable(gitDirectory);
    if (branch !== undefined) return branch;
  }
  return undefined;
}

function branchInTable(gitDirectory: string): string | undefined {
  try {
    const args = ['--git-dir', gitDirectory, 'symbolic-ref', '--quiet', '--short', 'HEAD'];
    const branch = execFileSync('git', args, {
      encoding: 'utf8',
      timeout: GIT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    // A git that does not know the table.
    return branch === IN_TABLE ? undefined : branch;
  } catch {
    return undefined;
  }
}

function smallText(path: string): string | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && stats.size <= MAX_BYTES ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
