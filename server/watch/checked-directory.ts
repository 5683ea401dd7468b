import { constants, type BigIntStats } from 'node:fs';
import { basename } from 'node:path';
import type { Kind } from '../../protocol/index.js';
import { errorCode, systemFiles, type Files } from './files.js';
import type { Glance } from './sweep.js';

/**
 * What is known of a directory on the path to the records. `open`: it has been checked and opened. `absent`: its parent has
 * been checked and has no entry of this name. `unknown`: something else is at its path, or the path cannot be checked; the
 * content is then unknown.
 */
export type DirectoryState =
  { readonly is: 'open' } | { readonly is: 'absent' } | { readonly is: 'unknown'; readonly why: string };

/** Whether a directory is read through its open descriptor, or through its path, which is checked before and after. */
export type Reach = 'descriptor' | 'path';

/** One directory on the path to the records, as a watcher sees it. */
export interface Place {
  /** The kind whose records are in the directory; `undefined` for a parent directory. */
  readonly kind: Kind | undefined;
  /** The last component of its path. */
  readonly name: string;
  /** The path by which the open directory is read; `undefined` while it is not open. */
  readonly reach: string | undefined;
  /** Identifies the open directory (device, inode, time of birth); `undefined` while it is not open. */
  readonly identity: string | undefined;
}

const DESCRIPTORS = '/proc/self/fd';
// A flag that the system does not have is `undefined`, which `|` treats as 0.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OPEN: DirectoryState = { is: 'open' };
const ABSENT: DirectoryState = { is: 'absent' };
export const unknown = (why: string): DirectoryState => ({ is: 'unknown', why });

/** Only Linux has paths that lead from a descriptor to the names in its directory. */
export function defaultReach(files: Files = systemFiles): Reach {
  try {
    return process.platform === 'linux' && files.look(DESCRIPTORS) !== undefined ? 'descriptor' : 'path';
  } catch {
    return 'path';
  }
}

/** A directory that was checked and then opened, and what is at its path now. */
export class CheckedDirectory implements Place {
  state: DirectoryState = unknown('not looked at yet');
  readonly name: string;
  #foldsCase = false;
  #open:
    | { readonly as: BigIntStats; readonly identity: string; readonly reach: string; readonly file: number | undefined }
    | undefined;

  constructor(
    readonly path: string,
    /** Its name in messages, which do not contain the path of the repository. */
    private readonly called: string,
    readonly kind: Kind | undefined,
    private readonly files: Files,
    private readonly by: Reach,
    private readonly parent?: CheckedDirectory,
  ) {
    this.name = basename(path);
  }

  get reach(): string | undefined {
    return this.#open?.reach;
  }

  get identity(): string | undefined {
    return this.#open?.identity;
  }

  /** Whether names in it are found regardless of case. Found out in its parent, because a directory inherits this. */
  get foldsCase(): boolean {
    return this.#foldsCase;
  }

  /** Whether the directory that was opened is at the path. */
  isStill(): boolean {
    try {
      const found = this.#look();
      return found?.isDirectory() === true && this.#isOpen(found);
    } catch {
      return false;
    }
  }

  /** The state of its entries, by the times in its status; `undefined` if another directory is at its path, or none is open. */
  glance(): Glance | undefined {
    try {
      const found = this.#open && this.#look();
      if (found === undefined || !this.#isOpen(found)) return undefined;
      return { mark: `${String(found.mtimeNs)}:${String(found.ctimeNs)}`, changedNs: found.mtimeNs };
    } catch {
      return undefined;
    }
  }

  /** @returns whether another directory is open now, or none. */
  verify(): boolean {
    const before = this.identity;
    this.state = this.#verify();
    // While the state is unknown, the directory stays open, so that the next one at the path can be told from it.
    if (this.state.is === 'absent') this.close();
    return this.identity !== before;
  }

  close(): void {
    const file = this.#open?.file;
    this.#open = undefined;
    if (file !== undefined) this.files.close(file);
  }

  #verify(): DirectoryState {
    const above = this.parent?.state;
    if (above && above.is !== 'open') return above;
    try {
      const found = this.#look();
      if (!found) return ABSENT;
      if (found.isSymbolicLink()) return unknown(`${this.called} is a symbolic link`);
      if (!found.isDirectory()) return unknown(`${this.called} is not a directory`);
      if (!this.#isOpen(found)) this.#take(found);
      return OPEN;
    } catch (error) {
      return unknown(`${this.called} cannot be looked at: ${errorCode(error)}`);
    }
  }

  #isOpen(found: BigIntStats): boolean {
    return this.#open !== undefined && isSame(found, this.#open.as);
  }

  /** The operator names the root and may name it through a link, so a link is followed only there. */
  #look(): BigIntStats | undefined {
    if (!this.parent) return this.files.follow(this.path);
    return this.files.look(`${this.parent.reach ?? this.parent.path}/${this.name}`);
  }

  #take(found: BigIntStats): void {
    if (this.parent) {
      const otherwise = this.files.look(`${this.parent.reach ?? this.parent.path}/${this.name.toUpperCase()}`);
      this.#foldsCase = otherwise !== undefined && isSame(otherwise, found);
    }
    if (this.by === 'path') {
      this.close();
      this.#open = { as: found, identity: identityOf(found), reach: this.path, file: undefined };
      return;
    }
    const path = this.parent ? `${this.parent.reach ?? this.parent.path}/${this.name}` : this.path;
    const file = this.files.open(path, this.parent ? OPEN_FLAGS : OPEN_FLAGS & ~constants.O_NOFOLLOW);
    let as: BigIntStats;
    try {
      as = this.files.status(file);
    } catch (error) {
      this.files.close(file);
      throw error;
    }
    this.close();
    this.#open = { as, identity: identityOf(as), reach: `${DESCRIPTORS}/${String(file)}`, file };
  }
}

/** Compares the time of birth, too, because a file system may give a new directory the inode of one that was just removed. */
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.birthtimeNs === b.birthtimeNs;
}

/** Differs whenever {@link isSame} says no. */
function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${String(dev)}:${String(ino)}:${String(birthtimeNs)}`;
}
