import { realpathSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { parseAddress, type Address, type AddressContext } from '../../../protocol/index.js';
import { findRepository, followWorktree } from '../../../server/repository/index.js';
import { addressContext } from '../commands/address-context.js';
import type { AddressedEdit } from './decision.js';
import type { Edit } from './edit.js';
import { gitTreeAround, type GitTree } from './git-tree.js';

/** The repository that an agent works in. */
export type Place =
  | {
      readonly is: 'found';
      readonly root: string;
      readonly context: AddressContext;
      readonly tree: GitTree | undefined;
    }
  /** No repository with Muse: the hook reports nothing. */
  | { readonly is: 'none' }
  | { readonly is: 'refused'; readonly why: string };

/** Finds the repository around a directory. @param named a directory that the user named instead. */
export function findPlace(directory: string, named: string | undefined): Place {
  const tree = gitTreeAround(directory);
  let around = findRepository(named ?? directory, named !== undefined);
  // A linked working tree beside the repository belongs to it.
  if (around.is === 'none' && named === undefined && tree?.main !== undefined) around = findRepository(tree.main);
  const search = around.is === 'found' ? followWorktree(around.root) : around;
  if (search.is === 'none' || around.is === 'none') return { is: 'none' };
  if (search.is === 'refused') return { is: 'refused', why: `${search.why}; ${search.hint}` };
  const context = addressContext({ root: around.root }, directory);
  return { is: 'found', root: search.root, context: withTree(context, tree), tree };
}

/** Adds a linked working tree of the repository to the roots, because paths in it are relative to its top. */
function withTree(context: AddressContext, tree: GitTree | undefined): AddressContext {
  const roots = context.roots ?? [];
  const isOurs =
    tree?.main !== undefined && [tree.main, realPath(tree.main)].some((main) => roots.includes(slashed(main)));
  const tops = isOurs ? [tree.top, realPath(tree.top)].map(slashed) : [];
  return { ...context, roots: [...new Set([...roots, ...tops])], workingDirectory: '' };
}

/** Returns the edits of files in the repository, each with the addresses of its file: of its path, and of the path that links lead to. */
export function addressEdits(edits: readonly Edit[], directory: string, context: AddressContext): AddressedEdit[] {
  return edits.flatMap((edit) => {
    const path = resolve(directory, edit.path);
    const addresses = new Map<string, Address>();
    for (const spelling of new Set([path, realPath(path)])) {
      const parsed = parseAddress(slashed(spelling), context);
      if (parsed.ok) addresses.set(parsed.address.text, parsed.address);
    }
    return addresses.size === 0
      ? []
      : [{ ...edit, path: [...addresses.keys()][0]!, addresses: [...addresses.values()] }];
  });
}

/** Returns the real path, also for a file that does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), path.slice(parent.length));
  }
}

const slashed = (path: string): string => path.split(sep).join('/');
