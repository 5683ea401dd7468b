import { join } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { errorCode, systemFiles, type Files } from './files.js';

/** The directories cannot be watched as they are; the message says what is wrong. */
export class CoordinationDirError extends Error {
  override readonly name = 'CoordinationDirError';

  constructor(
    message: string,
    /** The code of the system's error, if one was the cause. */
    readonly code?: string,
  ) {
    super(message);
  }

  /** Whether the only fault is that directories cannot be made here. Those that exist can still be read. */
  get isReadOnly(): boolean {
    return this.code === 'EROFS' || this.code === 'EACCES' || this.code === 'EPERM';
  }
}

/** The paths in a repository that the bus reads and writes. */
export class CoordinationDir {
  readonly muse: string;
  readonly coordination: string;

  constructor(readonly root: string) {
    this.muse = join(root, '.muse');
    this.coordination = join(this.muse, 'coordination');
  }

  of(kind: Kind): string {
    return join(this.coordination, KIND_DIRECTORIES[kind]);
  }

  file(kind: Kind, id: string): string {
    return `${this.coordination}/${KIND_DIRECTORIES[kind]}/${id}.json`;
  }

  /** All directories below the root on the paths to the records, the outermost first. */
  get all(): readonly string[] {
    return [this.muse, this.coordination, ...KINDS.map((kind) => this.of(kind))];
  }

  /**
   * Makes the directories that are missing below the root.
   * @throws CoordinationDirError if one cannot be made, or is a symbolic link or not a directory. A link may lead outside the
   *   repository, and changes there give no hints.
   */
  ensure(files: Files = systemFiles): void {
    for (const path of this.all) {
      const found = look(path, files);
      if (found === undefined) make(path, files);
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

function look(path: string, files: Files) {
  try {
    return files.look(path);
  } catch (error) {
    throw new CoordinationDirError(`${path} cannot be looked at: ${reasonOf(error)}`, errorCode(error));
  }
}

function make(path: string, files: Files): void {
  try {
    files.make(path);
  } catch (error) {
    // Another process has made it in the meantime.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new CoordinationDirError(
      `${path} is missing and cannot be made: ${reasonOf(error)}`,
      (error as NodeJS.ErrnoException).code,
    );
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only (EROFS)',
  EACCES: 'permission denied (EACCES)',
  EPERM: 'not permitted (EPERM)',
  ENOSPC: 'no space is left on the device (ENOSPC)',
  ENOTDIR: 'a part of its path is not a directory (ENOTDIR)',
  ENOENT: 'the directory above it does not exist (ENOENT)',
};

const reasonOf = (error: unknown): string => MEANINGS[(error as NodeJS.ErrnoException).code ?? ''] ?? String(error);
