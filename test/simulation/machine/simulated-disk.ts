import type { BigIntStats } from 'node:fs';
import type { SimulatedHost } from './simulated-process.js';

/** The file system's clock ticks this often: two writes in one tick have the same time. */
const TICK_MS = 4;
/** So many paths are kept in parts: a life uses the same few thousand again and again. */
const MOST_PATHS = 10_000;

interface Common {
  readonly ino: number;
  readonly birthtimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  links: number;
  /** The owner's permissions. */
  mode: number;
  /** Its status, until anything of that changes: servers look at directories a hundred times a second. */
  status?: BigIntStats | undefined;
}
export interface FileNode extends Common {
  readonly is: 'file';
  data: Buffer;
}
export interface DirectoryNode extends Common {
  readonly is: 'directory';
  readonly entries: Map<string, DiskNode>;
}
export interface LinkNode extends Common {
  readonly is: 'link';
  readonly target: string;
}
export type DiskNode = FileNode | DirectoryNode | LinkNode;

/** A notification of inotify about a directory. */
export interface DirectoryEvent {
  readonly directory: DirectoryNode;
  readonly type: 'rename' | 'change';
  /** `undefined`: the directory itself. */
  readonly name: string | undefined;
}

export function fileError(code: string, path: string): NodeJS.ErrnoException {
  // A fault can cause thousands of these errors: without a stack trace they are cheap.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: simulated, '${path}'`);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { code });
}

/** One machine's file system: nodes, names and times as in Linux, with notifications for its watchers. */
export class SimulatedDisk {
  readonly root: DirectoryNode;
  readonly #freed: number[] = [];
  #nodes = 1;
  /** The names in the paths that were used last. */
  readonly #names = new Map<string, readonly string[]>();
  /** Called with each change in a directory, in order. */
  readonly watchers = new Set<(event: DirectoryEvent) => void>();
  /** Called before each change. */
  onChange: () => void = () => undefined;

  constructor(readonly host: SimulatedHost) {
    this.root = this.#newDirectory();
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * @param from the directory that a relative path starts from.
   * @returns `undefined` if nothing is at the path. @throws Error with the system's code
   */
  find(
    path: string,
    follow: 'links' | 'not the last',
    from: DirectoryNode = this.root,
    depth = 0,
  ): DiskNode | undefined {
    if (depth > 40) throw fileError('ELOOP', path);
    let node: DiskNode = path.startsWith('/') ? this.root : from;
    const names = this.#namesIn(path);
    for (let i = 0; i < names.length; i++) {
      if (node.is !== 'directory') throw fileError('ENOTDIR', path);
      if ((node.mode & 0o100) === 0) throw fileError('EACCES', path);
      const next: DiskNode | undefined = node.entries.get(names[i]!);
      if (next === undefined) return undefined;
      const isLast = i === names.length - 1;
      if (next.is === 'link' && (!isLast || follow === 'links')) {
        const target = this.find(next.target, 'links', node, depth + 1);
        if (target === undefined) return undefined;
        node = target;
      } else node = next;
    }
    return node;
  }

  /** Returns the node at a path for the judge and the tests: ignores permissions and follows no link. */
  node(path: string): DiskNode | undefined {
    return this.#walk(path);
  }

  /** Returns the text of a file; `undefined` if there is none. */
  text(path: string): string | undefined {
    const node = this.#walk(path);
    return node?.is === 'file' ? node.data.toString() : undefined;
  }

  directory(path: string): DirectoryNode | undefined {
    const node = this.#walk(path);
    return node?.is === 'directory' ? node : undefined;
  }

  /** Where a directory stands now, for those who know everything; `undefined` where it has been removed. */
  pathOf(wanted: DirectoryNode, from = this.root, path = ''): string | undefined {
    for (const [name, node] of from.entries) {
      if (node.is !== 'directory') continue;
      const found = node === wanted ? `${path}/${name}` : this.pathOf(wanted, node, `${path}/${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #walk(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root;
    for (const name of this.#namesIn(path)) node = node?.is === 'directory' ? node.entries.get(name) : undefined;
    return node;
  }

  #namesIn(path: string): readonly string[] {
    const known = this.#names.get(path);
    if (known) return known;
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    if (this.#names.size > MOST_PATHS) this.#names.clear();
    this.#names.set(path, names);
    return names;
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  makeDirectory(path: string): DirectoryNode {
    const { parent, name } = this.#place(path);
    if (parent.entries.has(name)) throw fileError('EEXIST', path);
    const made = this.#newDirectory();
    this.#enter(parent, name, made);
    this.#tell(parent, 'rename', name);
    return made;
  }

  /** Opens a file for writing: makes it, or empties it. */
  truncate(path: string): FileNode {
    const { parent, name } = this.#place(path);
    const found = parent.entries.get(name);
    if (found?.is === 'directory') throw fileError('EISDIR', path);
    if (found?.is === 'link') throw fileError('ELOOP', path);
    if (found) {
      this.write(path, Buffer.alloc(0));
      return found;
    }
    const now = this.#nowNs();
    const made: FileNode = { is: 'file', ...this.#common(now), data: Buffer.alloc(0) };
    this.#enter(parent, name, made);
    this.#tell(parent, 'rename', name);
    return made;
  }

  /** Sets the content of a file. */
  write(path: string, data: Buffer): void {
    const slash = path.lastIndexOf('/');
    const [parent, name] = [this.directory(path.slice(0, slash)), path.slice(slash + 1)];
    const node = parent?.entries.get(name);
    if (!parent || node?.is !== 'file') throw fileError('ENOENT', path);
    this.onChange();
    node.data = data;
    node.mtimeNs = node.ctimeNs = this.#nowNs();
    node.status = undefined;
    // The watcher of a directory is notified with the name that was used for the write.
    this.#tell(parent, 'change', name);
  }

  rename(from: string, to: string): void {
    const [source, target] = [this.#place(from), this.#place(to)];
    const node = source.parent.entries.get(source.name);
    if (!node) throw fileError('ENOENT', from);
    const replaced = target.parent.entries.get(target.name);
    if (replaced?.is === 'directory' && replaced.entries.size > 0) throw fileError('ENOTEMPTY', to);
    this.onChange();
    source.parent.entries.delete(source.name);
    this.#touch(source.parent);
    if (replaced) this.#unlinked(replaced);
    target.parent.entries.set(target.name, node);
    this.#touch(target.parent);
    node.ctimeNs = this.#nowNs();
    node.status = undefined;
    this.#tell(source.parent, 'rename', source.name);
    this.#tell(target.parent, 'rename', target.name);
    if (replaced?.is === 'directory') this.#tell(replaced, 'rename', undefined);
    if (node.is === 'directory') this.#tell(node, 'rename', undefined);
  }

  /** Removes a file, a link, or a directory with all that is in it. */
  remove(path: string, by: 'owner' | 'root' = 'owner'): void {
    const { parent, name } = this.#place(path, by);
    const node = parent.entries.get(name);
    if (!node) throw fileError('ENOENT', path);
    if (node.is === 'directory') for (const inner of [...node.entries.keys()]) this.remove(`${path}/${inner}`, by);
    this.onChange();
    parent.entries.delete(name);
    this.#touch(parent);
    this.#unlinked(node);
    if (node.is === 'directory') this.#tell(node, 'rename', undefined);
    this.#tell(parent, 'rename', name);
  }

  link(target: string, path: string): void {
    const { parent, name } = this.#place(path);
    if (parent.entries.has(name)) throw fileError('EEXIST', path);
    const now = this.#nowNs();
    this.#enter(parent, name, { is: 'link', ...this.#common(now), target });
    this.#tell(parent, 'rename', name);
  }

  /** Sets the owner's permissions: 0o700 all, 0 none. */
  changeMode(path: string, mode: number): void {
    const { parent, name } = this.#place(path);
    const node = parent.entries.get(name);
    if (!node) throw fileError('ENOENT', path);
    this.onChange();
    node.mode = mode;
    node.ctimeNs = this.#nowNs();
    node.status = undefined;
    this.#tell(parent, 'change', name);
    if (node.is === 'directory') this.#tell(node, 'change', undefined);
  }

  // ── nodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #place(path: string, by: 'owner' | 'root' = 'owner'): { readonly parent: DirectoryNode; readonly name: string } {
    const slash = path.lastIndexOf('/');
    const parent = this.directory(path.slice(0, slash));
    if (!parent) throw fileError('ENOENT', path);
    if (by === 'owner' && (parent.mode & 0o200) === 0) throw fileError('EACCES', path);
    return { parent, name: path.slice(slash + 1) };
  }

  #enter(parent: DirectoryNode, name: string, node: DiskNode): void {
    this.onChange();
    parent.entries.set(name, node);
    this.#touch(parent);
  }

  #touch(directory: DirectoryNode): void {
    directory.mtimeNs = directory.ctimeNs = this.#nowNs();
    directory.status = undefined;
  }

  #unlinked(node: DiskNode): void {
    node.links--;
    node.status = undefined;
    // The next new node gets the freed number, as on ext4.
    if (node.links <= 0) this.#freed.push(node.ino);
  }

  #newDirectory(): DirectoryNode {
    return { is: 'directory', ...this.#common(this.#nowNs()), entries: new Map() };
  }

  #common(now: bigint): Common {
    const ino = this.#freed.pop() ?? ++this.#nodes;
    return { ino, birthtimeNs: now, mtimeNs: now, ctimeNs: now, links: 1, mode: 0o700 };
  }

  #nowNs(): bigint {
    return BigInt(Math.floor(this.host.wall() / TICK_MS) * TICK_MS) * 1_000_000n;
  }

  #tell(directory: DirectoryNode, type: 'rename' | 'change', name: string | undefined): void {
    for (const watcher of this.watchers) watcher({ directory, type, name });
  }
}

/** The result of `stat` for a node. */
export function statsOf(node: DiskNode): BigIntStats {
  return (node.status ??= newStatsOf(node));
}

function newStatsOf(node: DiskNode): BigIntStats {
  return {
    dev: 1n,
    ino: BigInt(node.ino),
    mode: BigInt(node.mode),
    nlink: BigInt(node.links),
    size: BigInt(node.is === 'file' ? node.data.length : 0),
    mtimeNs: node.mtimeNs,
    ctimeNs: node.ctimeNs,
    birthtimeNs: node.birthtimeNs,
    isFile: () => node.is === 'file',
    isDirectory: () => node.is === 'directory',
    isSymbolicLink: () => node.is === 'link',
  } as unknown as BigIntStats;
}
