import { lstatSync, mkdirSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';

/** The place cannot be watched as it is; the message says what to do. */
export class CoordinationDirError extends Error {
  override readonly name = 'CoordinationDirError';
}

/** The names in a repository that the bus reads and writes. */
export class CoordinationDir {
  readonly muse: string;
  readonly coordination: string;
  /** The server's own: endpoint, token, lock, journal. */
  readonly bus: string;

  constructor(readonly root: string) {
    this.muse = join(root, '.muse');
    this.coordination = join(this.muse, 'coordination');
    this.bus = join(this.muse, 'bus');
  }

  of(kind: Kind): string {
    return join(this.coordination, KIND_DIRECTORIES[kind]);
  }

  file(kind: Kind, id: string): string {
    return `${this.coordination}/${KIND_DIRECTORIES[kind]}/${id}.json`;
  }

  /** All directories on the way to a record, the outermost first. */
  get all(): readonly string[] {
    return [this.muse, this.coordination, ...KINDS.map((kind) => this.of(kind))];
  }

  /**
   * Makes what is missing below the root.
   * @throws CoordinationDirError where a directory is a symbolic link or no directory: what it points to may lie outside
   *   the repository, and changes there give no hints.
   */
  ensure(): void {
    for (const path of this.all) {
      const found = lstat(path);
      if (found === undefined) mkdirSync(path);
      else if (found.isSymbolicLink()) {
        throw new CoordinationDirError(
          `${path} is a symbolic link: refusing to watch it; put a directory in its place`,
        );
      } else if (!found.isDirectory()) {
        throw new CoordinationDirError(`${path} is not a directory: move it out of the way`);
      }
    }
  }
}

/** @returns `undefined` where there is nothing. */
export function lstat(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/**
 * Which directory stands at a path now; `undefined` where none does, or a link. The time of its birth is part of it: file
 * systems give a new directory the inode of one that was just removed.
 */
export function directoryIdentity(path: string): string | undefined {
  let found: BigIntStats | undefined;
  try {
    found = lstat(path);
  } catch {
    return undefined;
  }
  return found?.isDirectory() ? `${String(found.dev)}:${String(found.ino)}:${String(found.birthtimeNs)}` : undefined;
}
