import { readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { parseAddress, type Address, type AddressContext } from '../../../protocol/index.js';
import { findRepository, findRepositoryOf, followWorktree } from '../../../server/repository/index.js';
import { addressContext } from '../commands/address-context.js';
import type { AddressedEdit } from './decision.js';
import type { Edit } from './edit.js';
import { gitTreesAround, type GitTree } from './git-tree.js';

/** The repository that an agent works in. */
export interface FoundPlace {
  readonly is: 'found';
  readonly root: string;
  readonly context: AddressContext;
  /** The working tree around the agent's directory: the repository's, if that is one of several. */
  readonly tree: GitTree | undefined;
}

export type Place =
  | FoundPlace
  /** No repository with Muse: the hook reports nothing. */
  | { readonly is: 'none' }
  | { readonly is: 'refused'; readonly why: string };

/** Finds the repository around a directory. @param named a directory that the user named instead. */
export function findPlace(directory: string, named: string | undefined): Place {
  const trees = [...gitTreesAround(directory)];
  const [nearest] = trees;
  let around = findRepository(named ?? directory, named !== undefined);
  // A linked working tree beside the repository belongs to it.
  if (around.is === 'none' && named === undefined && nearest?.main !== undefined) around = findRepository(nearest.main);
  const search = around.is === 'found' ? followWorktree(around.root) : around;
  if (search.is === 'none' || around.is === 'none') {
    // To say nothing is right where there is no Muse, and wrong where a setting names it and it is not there.
    return named === undefined ? { is: 'none' } : { is: 'refused', why: `there is no .muse in ${named}` };
  }
  if (search.is === 'refused') return { is: 'refused', why: `${search.why}; ${search.hint}` };
  const context = { ...addressContext({ root: around.root, server: undefined }, directory), workingDirectory: '' };
  const tree = trees.find((one) => isOfRepository(one, context)) ?? nearest;
  return { is: 'found', root: search.root, context: withTree(context, tree), tree };
}

/** Whether a working tree is the repository's: the one with `.muse`, or one that is linked to it. */
function isOfRepository({ top, main }: GitTree, { roots = [] }: AddressContext): boolean {
  const isRoot = (path: string): boolean => roots.includes(slashed(path)) || roots.includes(slashed(realPath(path)));
  return isRoot(top) || (main !== undefined && isRoot(main));
}

/** Adds a linked working tree of the repository to the roots, because paths in it are relative to its top. */
function withTree(context: AddressContext, tree: GitTree | undefined): AddressContext {
  const { roots = [] } = context;
  const tops =
    tree?.main !== undefined && isOfRepository(tree, context) ? [tree.top, realPath(tree.top)].map(slashed) : [];
  return { ...context, roots: [...new Set([...roots, ...tops])] };
}

/**
 * Returns a function that gives an edit the addresses of its file: of its path, and of the path that links lead to; `undefined` for a file
 * outside of the repository. An agent may edit a file of another working tree than its own; then the branch of that tree counts.
 * @param branch the branch that the user named for all of them.
 */
export function addresser(
  directory: string,
  place: FoundPlace,
  branch: string | undefined,
): (edit: Edit) => AddressedEdit | undefined {
  const treeOf = treesByDirectory(place);
  return (edit) => {
    const path = resolve(directory, edit.path);
    const addresses = new Map<string, Address>();
    let elsewhere: GitTree | undefined;
    for (const spelling of new Set([path, realPath(path)])) {
      const tree = treeOf(dirname(spelling));
      const parsed = fileAddress(slashed(spelling), withTree(place.context, tree));
      if (!parsed.ok) continue;
      addresses.set(parsed.address.text, parsed.address);
      if (tree !== undefined && tree.top !== place.tree?.top) elsewhere = tree;
    }
    const [first] = addresses.values();
    if (first === undefined) return undefined;
    const other = elsewhere === undefined || branch !== undefined ? {} : { tree: { branch: elsewhere.branch } };
    return { ...edit, ...other, path: pathIn(first), addresses: [...addresses.values()] };
  };
}

/** Returns a function that finds the repository's working tree around a directory. A patch has many files in few directories. */
function treesByDirectory({ context, tree }: FoundPlace): (directory: string) => GitTree | undefined {
  const known = new Map<string, GitTree | undefined>();
  return (directory) => {
    if (!known.has(directory)) {
      const found = [...gitTreesAround(directory)].find((one) => isOfRepository(one, context));
      known.set(directory, found ?? tree);
    }
    return known.get(directory);
  };
}

const WILDCARDS = /[*?[\]{}]/g;

/** Returns the address of a file that has a name on disk: a sign in it that is a wildcard elsewhere means itself. */
export function fileAddress(spelling: string, context: AddressContext = {}): ReturnType<typeof parseAddress> {
  const parsed = parseAddress(spelling, context);
  if (!parsed.ok || parsed.address.readings.length === 1) return parsed;
  return parseAddress(parsed.address.text.replace(WILDCARDS, String.raw`\$&`));
}

/** The path of a file's address, as its agent writes it. */
const pathIn = ({ text }: Address): string => text.replace(/\\([*?[\]{}])/g, '$1');

/** As many links as the kernel follows. */
const MAX_LINKS = 40;

/** The real path of the root of the repository that a directory lies in; `undefined` if there is none, or none that is trusted. */
export function rootAround(directory: string): string | undefined {
  const search = findRepositoryOf(directory);
  return search.is === 'found' ? realPath(search.root) : undefined;
}

/** Returns the real path, also for a file that does not exist yet, and one to which a link already leads. */
export function realPath(path: string, links = 0): string {
  try {
    // As it is on disk: where names differ by case alone, they are one file.
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    if (parent === path) return path;
    const target = links < MAX_LINKS ? linkAt(path) : undefined;
    return target === undefined
      ? join(realPath(parent, links), path.slice(parent.length))
      : realPath(resolve(parent, target), links + 1);
  }
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

const slashed = (path: string): string => path.split(sep).join('/');
