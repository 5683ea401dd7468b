import { join } from 'node:path';
import { KIND_DIRECTORIES, KINDS, type Kind } from '../../protocol/index.js';
import { errorCode, systemFiles, type Files } from './files.js';

/** The place cannot be watched as it is; the message says what to do. */
export class CoordinationDirError extends Error {
  override readonly name = 'CoordinationDirError';

  constructor(
    message: string,
    /** The system's, where it is what keeps a directory from being made. */
    readonly code?: string,
  ) {
    super(message);
  }

  /** Whether all that is wrong is that nothing can be made here: what is there can be read all the same. */
  get isReadOnly(): boolean {
    return this.code === 'EROFS' || this.code === 'EACCES' || this.code === 'EPERM';
  }
}

/** The names in a repository that the bus reads and writes. */
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

  /** All directories on the way to a record, the outermost first. */
  get all(): readonly string[] {
    return [this.muse, this.coordination, ...KINDS.map((kind) => this.of(kind))];
  }

  /**
   * Makes what is missing below the root.
   * @throws CoordinationDirError where a directory is a symbolic link or no directory: what it points to may lie outside
   *   the repository, and changes there give no hints.
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
    throw new CoordinationDirError(`${path} cannot be looked at: ${said(error)}`, errorCode(error));
  }
}

function make(path: string, files: Files): void {
  try {
    files.make(path);
  } catch (error) {
    // Another process has been quicker.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new CoordinationDirError(
      `${path} is missing and cannot be made: ${said(error)}`,
      (error as NodeJS.ErrnoException).code,
    );
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only (EROFS)',
  EACCES: 'permission denied (EACCES)',
  EPERM: 'not permitted (EPERM)',
  ENOSPC: 'no space is left on the device (ENOSPC)',
  ENOTDIR: 'something above it is no directory (ENOTDIR)',
  ENOENT: 'the directory above it does not exist (ENOENT)',
};

const said = (error: unknown): string => MEANINGS[(error as NodeJS.ErrnoException).code ?? ''] ?? String(error);
