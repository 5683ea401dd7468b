import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { closeToOthers, isOpenToOthers, isProvenWithoutModes, proveModes } from './file-modes.js';
import {
  createPrivateFile,
  namedBy,
  openPrivateFile,
  PrivateFileError,
  readPrivateFile,
  replacePrivateFile,
  type PrivateReading,
} from './private-file.js';
import { PrivateOpenFile } from './private-open-file.js';
import { notADirectory, proveOwn } from './own-directory.js';
import { removePatiently, renamePatiently } from './held-files.js';
import { TrustError } from './trust-error.js';

/** Paths through an open descriptor always lead to the same directory. Only Linux has them. */
const OPEN_DIRECTORIES = '/proc/self/fd';
const HAS_OPEN_DIRECTORIES = process.platform === 'linux' && existsSync(OPEN_DIRECTORIES);
/** Windows cannot open a directory as a file. */
const CAN_OPEN = process.platform !== 'win32';
const SET_ASIDE = '.set-aside-';

/**
 * A directory that only this user can write to. It is opened once and is then always the same one: on Linux its files are
 * reached through its descriptor; elsewhere its device and inode are compared before each use.
 */
export class PrivateDirectory {
  readonly #file: number | undefined;
  readonly #identity: string;
  #isClosed = false;
  /** `undefined` until it had to be found out. */
  #keepsModes: boolean | undefined;

  private constructor(
    /** The path at which it was opened. */
    readonly path: string,
    /** The path by which to open it, which may be below a descriptor of its parent. */
    way: string,
  ) {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    try {
      this.#file = CAN_OPEN ? openSync(way, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : undefined;
    } catch (error) {
      throw notADirectory(path, error);
    }
    try {
      this.#identity = identityOf(this.#prove());
      if (this.#file !== undefined) this.#closeToOthers(this.#file);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Opens a directory in a parent, and makes it if it is missing. The parent must belong to this user and must not be a link.
   * @throws TrustError if the parent or the directory is a link or belongs to another user, Error if it cannot be made.
   */
  static within(parent: string, name: string): PrivateDirectory {
    const path = join(parent, name);
    if (!CAN_OPEN) {
      mkdirSync(path, { recursive: true });
      return new PrivateDirectory(path, path);
    }
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    let opened: number;
    try {
      opened = openSync(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      throw notADirectory(parent, error);
    }
    try {
      proveOwn(parent, fstatSync(opened, { bigint: true }));
      const way = HAS_OPEN_DIRECTORIES ? `${OPEN_DIRECTORIES}/${String(opened)}` : parent;
      return PrivateDirectory.#make(way, name, path);
    } finally {
      closeSync(opened);
    }
  }

  static #make(parentWay: string, name: string, path: string): PrivateDirectory {
    const way = join(parentWay, name);
    try {
      mkdirSync(way, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw namedBy(path, error);
    }
    return new PrivateDirectory(path, way);
  }

  /** Opens a directory in this one, and makes it if it is missing. @throws TrustError */
  directory(name: string): PrivateDirectory {
    return PrivateDirectory.#make(this.#way, checked(name), join(this.path, name));
  }

  /** Whether the path still leads to this directory. */
  isIntact(): boolean {
    try {
      const found = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
      return found !== undefined && identityOf(found) === this.#identity;
    } catch {
      return false;
    }
  }

  names(): string[] {
    return readdirSync(this.#way);
  }

  /** Reads a private file. @throws Error if the file system reports an error that says nothing about the file. */
  read(name: string, maxBytes: number): PrivateReading {
    const read = (): PrivateReading => this.#on(name, (at) => readPrivateFile(at, maxBytes));
    const found = read();
    return found.is === 'refused' && !this.#provesModes() ? read() : found;
  }

  /** Whether the file system keeps who may use a file. If not, nothing in this directory is private. */
  get keepsModes(): boolean {
    return this.#file === undefined || !isProvenWithoutModes(fstatSync(this.#file).dev);
  }

  /** Replaces a file at once: readers see the old content or the new. @param isDurable whether it is on the disk on return. */
  replace(name: string, content: string, isDurable = false): void {
    const put = (at: string): void => {
      replacePrivateFile(at, content, isDurable);
    };
    try {
      this.#on(name, put);
    } catch (error) {
      // No server makes a directory at this path: it is set aside.
      if (!isOccupied(error) || !this.#isDirectory(name)) throw error;
      this.setAside(name);
      this.#on(name, put);
    }
    if (isDurable) this.sync();
  }

  /** Makes a new file. @returns its descriptor. @throws Error `EEXIST` if there is one. */
  create(name: string): number {
    return this.#on(name, createPrivateFile);
  }

  /**
   * Opens a file to read and write, and makes it if it is missing. A file that other users could have put there is set aside.
   * @returns its descriptor.
   */
  open(name: string): number {
    for (;;) {
      try {
        return this.#on(name, openPrivateFile);
      } catch (error) {
        if (!(error instanceof PrivateFileError)) throw error;
        if (this.#provesModes()) this.setAside(name);
      }
    }
  }

  openFile(name: string): PrivateOpenFile {
    return new PrivateOpenFile(this.open(name));
  }

  /** Returns the path of a file, for code that opens by path. Makes it if it is missing, and proves that it is private. */
  fileFor(name: string): string {
    closeSync(this.open(name));
    this.#requireIntact();
    return join(this.path, name);
  }

  /** Returns the path of a file, and does not make it. */
  pathOf(name: string): string {
    return join(this.path, checked(name));
  }

  /** @returns the status of a file; `undefined` if there is none. */
  stats(name: string): BigIntStats | undefined {
    return lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
  }

  remove(name: string): void {
    removePatiently(this.#at(name));
  }

  rename(from: string, to: string): void {
    renamePatiently(this.#at(from), this.#at(to));
  }

  /** Renames a file that this program did not make, so that its content is kept. @returns the new name. */
  setAside(name: string): string {
    const aside = `${name}${SET_ASIDE}${randomBytes(4).toString('hex')}`;
    try {
      this.rename(name, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return aside;
  }

  /** Flushes the directory: earlier renames are on the disk on return. Windows cannot, and writes them through by itself. */
  sync(): void {
    if (this.#file !== undefined) fsyncSync(this.#file);
  }

  close(): void {
    if (this.#file !== undefined && !this.#isClosed) closeSync(this.#file);
    this.#isClosed = true;
  }

  get #way(): string {
    if (this.#isClosed) throw new Error(`${this.path} has been closed`);
    if (HAS_OPEN_DIRECTORIES) return `${OPEN_DIRECTORIES}/${String(this.#file)}`;
    this.#requireIntact();
    return this.path;
  }

  #at(name: string): string {
    return join(this.#way, checked(name));
  }

  /** Calls with the way to a file. An error names the file by its path, not by the descriptor that led to it. */
  #on<T>(name: string, call: (at: string) => T): T {
    try {
      return call(this.#at(name));
    } catch (error) {
      throw namedBy(this.pathOf(name), error);
    }
  }

  #requireIntact(): void {
    if (!this.isIntact()) throw new TrustError('replaced', `${this.path} has been replaced`, 'start the server again');
  }

  #isDirectory(name: string): boolean {
    return this.stats(name)?.isDirectory() ?? false;
  }

  /** Proves that the directory belongs to this user. */
  #prove(): BigIntStats {
    if (this.#file === undefined) {
      const found = lstatSync(this.path, { bigint: true });
      if (!found.isDirectory()) throw notADirectory(this.path);
      return found;
    }
    const found = fstatSync(this.#file, { bigint: true });
    proveOwn(this.path, found);
    return found;
  }

  /** Sets the mode to 0700, unless the file system has no file modes. */
  #closeToOthers(file: number): void {
    try {
      closeToOthers(file, 0o700, false);
    } catch (error) {
      if (this.#provesModes()) throw error;
    }
    if (isOpenToOthers(fstatSync(file)) && this.#provesModes()) throw new Error(`${this.path} stays open to others`);
  }

  /** Finds out by a new file whether the file system keeps modes: once, because each proof writes. */
  #provesModes(): boolean {
    if (this.#file === undefined || !this.keepsModes) return this.#file === undefined;
    try {
      this.#keepsModes ??= proveModes(this.#at(`modes-${randomBytes(4).toString('hex')}`), createPrivateFile);
    } catch {
      // Nothing can be written here, so nothing is proven.
      this.#keepsModes = true;
    }
    return this.#keepsModes;
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${String(dev)}:${String(ino)}`;
}

function isOccupied(error: unknown): boolean {
  return /^(EISDIR|ENOTEMPTY|EEXIST|EPERM|EACCES)$/.test((error as NodeJS.ErrnoException).code ?? '');
}

function checked(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)) return name;
  throw new Error(`not a name in a directory: ${JSON.stringify(name)}`);
}
