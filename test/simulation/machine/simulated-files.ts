import { constants, type BigIntStats } from 'node:fs';
import type { Files, OpenDirectory } from '../../../server/watch/files.js';
import type { WatchFunction } from '../../../server/watch/native-watcher.js';
import {
  fileError,
  statsOf,
  type DirectoryEvent,
  type DirectoryNode,
  type DiskNode,
  type SimulatedDisk,
} from './simulated-disk.js';
import type { SimulatedProcess } from './simulated-process.js';

const DESCRIPTORS = '/proc/self/fd';
const WRITING = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT;
const BELOW_DESCRIPTORS = `${DESCRIPTORS}/`;

export type FileCall = 'open' | 'close' | 'status' | 'read' | 'look' | 'follow' | 'list' | 'watch';

/** Decides whether a call fails. @returns the error code if it does. */
export type FileFault = (call: FileCall, path: string) => string | undefined;

interface Watch {
  readonly directory: DirectoryNode;
  readonly ownName: string;
  readonly listener: (type: string, name: string | null) => void;
}

interface Notification {
  readonly watch: Watch;
  readonly type: string;
  readonly name: string;
}

/** The file system as one process reaches it: descriptors, permissions, faults, and its inotify queue. */
export class SimulatedFiles implements Files {
  readonly #open = new Map<number, { readonly node: DiskNode; readonly path: string }>();
  #nextFile = 20;
  readonly #watches = new Set<Watch>();
  #queue: Notification[] = [];
  #isPolling = false;
  readonly #hear = (event: DirectoryEvent): void => {
    this.#heard(event);
  };
  /** `undefined` while no call fails. */
  fault: FileFault | undefined;
  /** The size of the kernel's queue of notifications; further ones are lost without an error. */
  maxQueued = 16_384;
  /** The delay between a change and its notification. */
  hintDelayMs: () => number = () => 0.03;
  lost = 0;
  /** Told the path at which something was made or opened to be written, with all links resolved. */
  wrote: (path: string) => void = () => undefined;

  constructor(
    private readonly disk: SimulatedDisk,
    private readonly process: SimulatedProcess,
  ) {
    disk.watchers.add(this.#hear);
  }

  /** The number of open descriptors. */
  get openCount(): number {
    return this.#open.size;
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  /** Closes everything, as the kernel does when a process ends. */
  closeAll(): void {
    this.disk.watchers.delete(this.#hear);
    this.#open.clear();
    this.#watches.clear();
    this.#queue = [];
  }

  open(path: string, flags: number): number {
    this.#check('open', path);
    const noFollow = (flags & constants.O_NOFOLLOW) !== 0;
    const node = this.#find(path, noFollow ? 'not the last' : 'links');
    if (!node) throw fileError('ENOENT', path);
    if (node.is === 'link') throw fileError('ELOOP', path);
    if ((flags & constants.O_DIRECTORY) !== 0 && node.is !== 'directory') throw fileError('ENOTDIR', path);
    if ((node.mode & 0o400) === 0) throw fileError('EACCES', path);
    if ((flags & WRITING) !== 0) this.wrote(this.#shown(path));
    const file = this.#nextFile++;
    this.#open.set(file, { node, path });
    return file;
  }

  close(file: number): void {
    if (!this.#open.delete(file)) throw fileError('EBADF', String(file));
  }

  status(file: number): BigIntStats {
    const { node, path } = this.#file(file);
    this.#check('status', path);
    return statsOf(node);
  }

  read(file: number, buffer: Buffer, offset: number, length: number, position: number): number {
    const { node, path } = this.#file(file);
    this.#check('read', path);
    if (node.is !== 'file') throw fileError('EISDIR', path);
    return node.data.copy(buffer, offset, position, position + length);
  }

  look(path: string): BigIntStats | undefined {
    this.#check('look', path);
    if (path === DESCRIPTORS) return statsOf(this.disk.root);
    const node = this.#find(path, 'not the last');
    return node && statsOf(node);
  }

  follow(path: string): BigIntStats | undefined {
    this.#check('follow', path);
    const node = this.#find(path, 'links');
    return node && statsOf(node);
  }

  nameOf(): undefined {
    return undefined;
  }

  /** The kernel follows links on the way to it. */
  make(path: string): void {
    const slash = path.lastIndexOf('/');
    const parent = this.#find(path.slice(0, slash), 'links');
    if (parent?.is !== 'directory') throw fileError(parent ? 'ENOTDIR' : 'ENOENT', path);
    const made = `${this.disk.pathOf(parent)!}${path.slice(slash)}`;
    this.disk.makeDirectory(made);
    this.wrote(made);
  }

  /** Every hint is queued with the change that causes it, so there is nothing to wait for. */
  probe(path: string): void {
    this.list(path).closeSync();
  }

  list(path: string): OpenDirectory {
    this.#check('list', path);
    const node = this.#find(path, 'links');
    if (!node) throw fileError('ENOENT', path);
    if (node.is !== 'directory') throw fileError('ENOTDIR', path);
    if ((node.mode & 0o400) === 0) throw fileError('EACCES', path);
    // Names that appear or vanish meanwhile may or may not be listed: the iterator of a map lists new ones.
    const names = node.entries.keys();
    return {
      readSync: () => {
        const { value, done } = names.next();
        return done === true ? null : { name: value };
      },
      closeSync: () => undefined,
    };
  }

  // ── notifications ─────────────────────────────────────────────────────────────────────────────────────────────────

  readonly watch: WatchFunction = (path, listener) => {
    this.#check('watch', path);
    const node = this.#find(path, 'links');
    if (!node) throw fileError('ENOENT', path);
    if (node.is !== 'directory') throw fileError('ENOTDIR', path);
    if ((node.mode & 0o400) === 0) throw fileError('EACCES', path);
    const watch: Watch = { directory: node, ownName: path.slice(path.lastIndexOf('/') + 1), listener };
    this.#watches.add(watch);
    const handle = {
      close: () => {
        this.#watches.delete(watch);
      },
      on: () => handle,
    };
    return handle as unknown as ReturnType<WatchFunction>;
  };

  #heard({ directory, type, name }: DirectoryEvent): void {
    for (const watch of this.#watches) {
      if (watch.directory !== directory) continue;
      const named = name ?? watch.ownName;
      const last = this.#queue.at(-1);
      // The kernel merges two equal notifications in a row.
      if (last?.watch === watch && last.type === type && last.name === named) continue;
      if (this.#queue.length >= this.maxQueued) this.lost++;
      else this.#queue.push({ watch, type, name: named });
    }
    if (this.#queue.length > 0) this.#poll();
  }

  #poll(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.process.input(this.hintDelayMs(), () => {
      this.#isPolling = false;
      for (const { watch, type, name } of this.#queue.splice(0))
        if (this.#watches.has(watch)) watch.listener(type, name);
    });
  }

  // ── paths ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #file(file: number) {
    const open = this.#open.get(file);
    if (!open) throw fileError('EBADF', String(file));
    return open;
  }

  #find(path: string, follow: 'links' | 'not the last'): DiskNode | undefined {
    if (!path.startsWith(BELOW_DESCRIPTORS)) return this.disk.find(path, follow);
    const { file, below } = throughDescriptor(path);
    const { node } = this.#file(file);
    if (below === '') return node;
    if (node.is !== 'directory') throw fileError('ENOTDIR', path);
    return this.disk.find(below, follow, node);
  }

  #check(call: FileCall, path: string): void {
    const code = this.fault?.(call, this.#shown(path));
    if (code !== undefined) throw fileError(code, path);
  }

  /** Returns the real path of a path through a descriptor. */
  #shown(path: string): string {
    if (!path.startsWith(BELOW_DESCRIPTORS)) return path;
    const { file, below } = throughDescriptor(path);
    const open = this.#open.get(file);
    if (!open) return path;
    const base = this.#shown(open.path);
    return below === '' ? base : `${base}/${below}`;
  }
}

interface ThroughDescriptor {
  readonly file: number;
  readonly below: string;
}

/** The parts of the paths that were used last: a life uses the same few thousand again and again. */
const partsOf = new Map<string, ThroughDescriptor>();
const MOST_PATHS = 10_000;

function throughDescriptor(path: string): ThroughDescriptor {
  const known = partsOf.get(path);
  if (known) return known;
  const end = path.indexOf('/', BELOW_DESCRIPTORS.length);
  const file = Number(path.slice(BELOW_DESCRIPTORS.length, end < 0 ? undefined : end));
  const parts = { file, below: end < 0 ? '' : path.slice(end + 1) };
  if (partsOf.size > MOST_PATHS) partsOf.clear();
  partsOf.set(path, parts);
  return parts;
}
