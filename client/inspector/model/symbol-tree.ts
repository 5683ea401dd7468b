import type { Contest } from './contention.js';
import { isHeld, type Lease } from './lease.js';
import type { WaitLine } from './waits.js';

/** A directory, file or symbol, and the runs that hold something in it. */
export interface SymbolNode {
  /** The path from the root, `src/billing.py::compute_total`; unique. */
  readonly path: string;
  readonly label: string;
  readonly level: 'directory' | 'file' | 'symbol';
  readonly children: readonly SymbolNode[];
  /** The runs that hold something here, sorted. */
  readonly holders: readonly string[];
  /** The number of contested addresses here. */
  readonly contested: number;
  /** The number of runs that wait for something here. */
  readonly waiting: number;
  /** The number of reservations here that exist but hold nothing any more. */
  readonly past: number;
}

interface Building {
  readonly path: string;
  readonly label: string;
  readonly level: SymbolNode['level'];
  readonly children: Map<string, Building>;
  readonly holders: Set<string>;
  readonly contested: Set<string>;
  readonly waiting: Set<string>;
  past: number;
}

/** A row of the tree as it is shown. The children of an open node follow it. */
export interface SymbolRow extends Omit<SymbolNode, 'children'> {
  readonly depth: number;
  readonly isOpen: boolean;
  readonly hasChildren: boolean;
}

export function symbolTree(
  leases: readonly Lease[],
  contests: readonly Contest[],
  waits: readonly WaitLine[] = [],
): SymbolNode[] {
  const root = begin('', '', 'directory');
  for (const lease of leases) {
    for (const address of lease.addresses) {
      for (const node of pathTo(root, address)) {
        if (isHeld(lease)) node.holders.add(lease.run);
        else node.past++;
      }
    }
  }
  for (const { address, conflict } of contests) {
    if (conflict.type !== 'address_overlap') continue;
    for (const node of pathTo(root, address)) node.contested.add(address);
  }
  for (const { by, wanted, waiters } of waits) {
    if (by !== 'intent') continue;
    for (const node of wanted.flatMap((address) => pathTo(root, address))) {
      for (const { run } of waiters) node.waiting.add(run);
    }
  }
  return finish(root).children.slice();
}

/** Returns the rows of a tree, without the children of closed nodes. */
export function symbolRows(nodes: readonly SymbolNode[], closed: ReadonlySet<string>): SymbolRow[] {
  const rows: SymbolRow[] = [];
  const add = (node: SymbolNode, depth: number): void => {
    const { children, ...own } = node;
    const isOpen = children.length > 0 && !closed.has(node.path);
    rows.push({ ...own, depth, isOpen, hasChildren: children.length > 0 });
    if (isOpen) for (const child of children) add(child, depth + 1);
  };
  for (const node of nodes) add(node, 0);
  return rows;
}

/** Whether an address lies at or under a node of the tree. */
export function isUnder(address: string, path: string): boolean {
  return (
    address === path ||
    address.startsWith(`${path}/`) ||
    address.startsWith(`${path}::`) ||
    address.startsWith(`${path}.`)
  );
}

const begin = (path: string, label: string, level: SymbolNode['level']): Building => ({
  path,
  label,
  level,
  children: new Map(),
  holders: new Set(),
  contested: new Set(),
  waiting: new Set(),
  past: 0,
});

/** The most levels of the tree. The rest of a deeper path is one node, because a hostile address must not make a very deep tree. */
const MAX_LEVELS = 24;

function pathTo(root: Building, address: string): Building[] {
  const cut = address.indexOf('::');
  const file = cut < 0 ? address : address.slice(0, cut);
  const symbol = cut < 0 ? undefined : address.slice(cut + 2);
  const parts = file.split('/').filter((part) => part !== '');
  const labels =
    parts.length > MAX_LEVELS ? [...parts.slice(0, MAX_LEVELS - 1), parts.slice(MAX_LEVELS - 1).join('/')] : parts;
  const nodes: Building[] = [];
  let node = root;
  labels.forEach((label, i) => {
    const level = i === labels.length - 1 ? 'file' : 'directory';
    node = childOf(node, label, node === root ? label : `${node.path}/${label}`, level);
    nodes.push(node);
  });
  if (symbol !== undefined) nodes.push(childOf(node, symbol, address, 'symbol'));
  return nodes;
}

function childOf(parent: Building, label: string, path: string, level: SymbolNode['level']): Building {
  const known = parent.children.get(label);
  if (known) return known;
  const child = begin(path, label, level);
  parent.children.set(label, child);
  return child;
}

/** Sorts nodes by how much attention they need. A directory that holds only one directory shares a row with it. */
function finish(node: Building): SymbolNode {
  const children = [...node.children.values()].map(finish).sort(byNeed);
  const only = children.length === 1 ? children[0]! : undefined;
  if (only?.level === 'directory' && node.level === 'directory' && node.label !== '') {
    return { ...only, label: `${node.label}/${only.label}` };
  }
  const { path, label, level, past } = node;
  const [contested, waiting] = [node.contested.size, node.waiting.size];
  return { path, label, level, children, holders: [...node.holders].sort(), contested, waiting, past };
}

const byNeed = (a: SymbolNode, b: SymbolNode): number =>
  b.contested - a.contested ||
  b.waiting - a.waiting ||
  b.holders.length - a.holders.length ||
  (a.label < b.label ? -1 : 1);
