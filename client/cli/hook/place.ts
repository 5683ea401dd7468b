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
  /** No Muse: the hook has nothing to say. */
  | { readonly is: 'none' }
  | { readonly is: 'refused'; readonly why: string };

/** @param named a directory in the repository, where somebody has named it. */
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

/** Of a linked working tree of the repository, too, paths are meant from its top. */
function withTree(context: AddressContext, tree: GitTree | undefined): AddressContext {
  const roots = context.roots ?? [];
  const isOurs =
    tree?.main !== undefined && [tree.main, realPath(tree.main)].some((main) => roots.includes(slashed(main)));
  const tops = isOurs ? [tree.top, realPath(tree.top)].map(slashed) : [];
  return { ...context, roots: [...new Set([...roots, ...tops])], workingDirectory: '' };
}

/** The edits of files in the repository, each with the addresses of its file: by its path, and by where links lead. */
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

/** The real path, also of a file that does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), path.slice(parent.length));
  }
}

const slashed = (path: string): string => path.split(sep).join('/');
