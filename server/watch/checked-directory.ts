import { constants, type BigIntStats } from 'node:fs';
import { basename } from 'node:path';
import type { Kind } from '../../protocol/index.js';
import { errorCode, systemFiles, type Files } from './files.js';

/**
 * What is known of a directory on the way to the records. `open`: it has been checked, and is read. `absent`: the
 * directory above has been looked at, and has none of the name. `unknown`: something else is in its place, or it cannot be
 * looked at; of what is in it nothing can be said.
 */
export type Standing =
  { readonly is: 'open' } | { readonly is: 'absent' } | { readonly is: 'unknown'; readonly why: string };

/** Whether a directory is read through an open descriptor of it, or through its path, checked before and after. */
export type Reach = 'descriptor' | 'path';

/** One directory on the way to the records, as whoever watches it sees it. */
export interface Place {
  /** The kind whose records are in it; `undefined` for a parent. */
  readonly kind: Kind | undefined;
  /** Its own name. */
  readonly name: string;
  /** The path that leads to it and nowhere else; `undefined` while it is not open. */
  readonly reach: string | undefined;
  /** Which directory it is; `undefined` while it is not open. */
  readonly identity: string | undefined;
}

const DESCRIPTORS = '/proc/self/fd';
// `undefined` counts as 0 where a system does not know a flag.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OPEN: Standing = { is: 'open' };
const ABSENT: Standing = { is: 'absent' };
export const unknown = (why: string): Standing => ({ is: 'unknown', why });

/** Linux alone leads from a descriptor to the names in its directory. */
export function defaultReach(files: Files = systemFiles): Reach {
  try {
    return process.platform === 'linux' && files.look(DESCRIPTORS) !== undefined ? 'descriptor' : 'path';
  } catch {
    return 'path';
  }
}

/** A directory that was opened after it was looked at, and what stands at its path now. */
export class CheckedDirectory implements Place {
  standing: Standing = unknown('not looked at yet');
  readonly name: string;
  #foldsCase = false;
  #open: { readonly identity: string; readonly reach: string; readonly file: number | undefined } | undefined;

  constructor(
    readonly path: string,
    /** What it is called where nobody need know the repository's path. */
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

  /** As the directory above does, from which it has that. */
  get foldsCase(): boolean {
    return this.#foldsCase;
  }

  isStill(): boolean {
    try {
      const found = this.#look();
      return found?.isDirectory() === true && identityOf(found) === this.#open?.identity;
    } catch {
      return false;
    }
  }

  /** @returns whether another directory is open now, or none. */
  verify(): boolean {
    const before = this.identity;
    this.standing = this.#verify();
    // What has been opened stays open while nothing can be said, to be told from what may stand there next.
    if (this.standing.is === 'absent') this.close();
    return this.identity !== before;
  }

  close(): void {
    const file = this.#open?.file;
    this.#open = undefined;
    if (file !== undefined) this.files.close(file);
  }

  #verify(): Standing {
    const above = this.parent?.standing;
    if (above && above.is !== 'open') return above;
    try {
      const found = this.#look();
      if (!found) return ABSENT;
      if (found.isSymbolicLink()) return unknown(`${this.called} is a symbolic link`);
      if (!found.isDirectory()) return unknown(`${this.called} is not a directory`);
      if (identityOf(found) !== this.identity) this.#take(found);
      return OPEN;
    } catch (error) {
      return unknown(`${this.called} cannot be looked at: ${errorCode(error)}`);
    }
  }

  /** The root is named by whoever serves it, who may name it through a link; what is below is ours to check. */
  #look(): BigIntStats | undefined {
    if (!this.parent) return this.files.follow(this.path);
    return this.files.look(`${this.parent.reach ?? this.parent.path}/${this.name}`);
  }

  #take(found: BigIntStats): void {
    if (this.parent) {
      const otherwise = this.files.look(`${this.parent.reach ?? this.parent.path}/${this.name.toUpperCase()}`);
      this.#foldsCase = otherwise !== undefined && identityOf(otherwise) === identityOf(found);
    }
    if (this.by === 'path') {
      this.close();
      this.#open = { identity: identityOf(found), reach: this.path, file: undefined };
      return;
    }
    const path = this.parent ? `${this.parent.reach ?? this.parent.path}/${this.name}` : this.path;
    const file = this.files.open(path, this.parent ? OPEN_FLAGS : OPEN_FLAGS & ~constants.O_NOFOLLOW);
    let identity: string;
    try {
      identity = identityOf(this.files.status(file));
    } catch (error) {
      this.files.close(file);
      throw error;
    }
    this.close();
    this.#open = { identity, reach: `${DESCRIPTORS}/${String(file)}`, file };
  }
}

/** The time of birth is part of it: file systems give a new directory the inode of one that was just removed. */
function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${String(dev)}:${String(ino)}:${String(birthtimeNs)}`;
}
