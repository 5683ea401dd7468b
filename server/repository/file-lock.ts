import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { PrivateDirectory } from './private-directory.js';
import { ownProcess, stateOfProcess, type ProcessProof } from './process-proof.js';

const MAX_HOLDER_BYTES = 1_024;
/** Lock files are rarely replaced. At so many replacements in a row, another program interferes. */
const MAX_ATTEMPTS = 100;

/** Why the kernel holds no lock here. The content of the lock file is used instead: it fails if two start at the same instant. */
export type LockWeakness = 'no library' | 'not supported';

/** The result of a request for a lock. */
export type LockResult =
  | { readonly is: 'acquired'; readonly lock: FileLock }
  /** `pid`: the pid of the holder; `undefined` if it is not known. */
  | { readonly is: 'held'; readonly pid: number | undefined };

type TryLock = (file: number) => boolean;

/**
 * A lock that the kernel holds for this process on an open file. It ends with the process, however that ends. It belongs to the
 * file, so that it also keeps out processes in other containers and mount namespaces that see the file.
 */
export class FileLock {
  private constructor(
    private readonly directory: PrivateDirectory,
    private readonly name: string,
    private readonly file: number,
    /** `undefined` if the kernel holds the lock. */
    readonly weakness: LockWeakness | undefined,
  ) {}

  /** Requests the lock on a file in a directory, and makes the file if it is missing. Does not wait for the lock. */
  static async acquire(directory: PrivateDirectory, name: string): Promise<LockResult> {
    const tryLock = await library();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const file = directory.open(name);
      const weakness = tryOn(file, tryLock);
      if (weakness === 'held') {
        const { pid } = holderIn(file) ?? {};
        closeSync(file);
        return { is: 'held', pid };
      }
      const lock = new FileLock(directory, name, file, weakness);
      // Between opening and locking, another process may have replaced the file and locked the new one.
      if (lock.isInPlace()) {
        lock.#signFile();
        return { is: 'acquired', lock };
      }
      lock.release();
    }
    throw new Error(`${directory.pathOf(name)} is replaced again and again: find the program that does it`);
  }

  /** Whether the path still leads to the locked file. If not, another process can take the lock at the path. */
  isInPlace(): boolean {
    try {
      const here = fstatSync(this.file, { bigint: true });
      const there = this.directory.stats(this.name);
      return this.directory.isIntact() && there?.ino === here.ino && there.dev === here.dev;
    } catch {
      return false;
    }
  }

  release(): void {
    heldHere.delete(keyOf(this.file));
    closeSync(this.file);
  }

  /** Writes the holder into the file: for people, and for systems where the kernel holds no lock. */
  #signFile(): void {
    heldHere.add(keyOf(this.file));
    try {
      ftruncateSync(this.file, 0);
      writeSync(this.file, `${JSON.stringify(ownProcess())}\n`, 0);
    } catch {
      // The disk is full. The kernel holds the lock without it.
    }
  }
}

/** The locks of this process, by device and inode. They keep two servers in one process apart if the kernel does not. */
const heldHere = new Set<string>();

function keyOf(file: number): string {
  const { dev, ino } = fstatSync(file, { bigint: true });
  return `${String(dev)}:${String(ino)}`;
}

function tryOn(file: number, tryLock: TryLock | undefined): LockWeakness | 'held' | undefined {
  if (tryLock === undefined) return judged(file, 'no library');
  try {
    return tryLock(file) ? undefined : 'held';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/^(ENOLCK|ENOTSUP|EOPNOTSUPP|ENOSYS|EINVAL)$/.test(code)) return judged(file, 'not supported');
    closeSync(file);
    throw error;
  }
}

/** Decides by the content of the file, if the kernel holds no lock. */
function judged(file: number, weakness: LockWeakness): LockWeakness | 'held' {
  const holder = holderIn(file);
  if (holder?.pid === process.pid) return heldHere.has(keyOf(file)) ? 'held' : weakness;
  if (holder === undefined) return weakness;
  const state = stateOfProcess(holder);
  return state === 'lives' || state === 'unproven' ? 'held' : weakness;
}

function holderIn(file: number): ProcessProof | undefined {
  try {
    const bytes = Buffer.alloc(MAX_HOLDER_BYTES);
    const length = readSync(file, bytes, 0, MAX_HOLDER_BYTES, 0);
    const holder = JSON.parse(bytes.toString('utf8', 0, length)) as Partial<ProcessProof> | null;
    return typeof holder?.pid === 'number' ? (holder as ProcessProof) : undefined;
  } catch {
    return undefined;
  }
}

let loading: Promise<TryLock | undefined> | undefined;

/** Loads the library at first use: a client needs no lock. */
function library(): Promise<TryLock | undefined> {
  loading ??= import('fs-native-extensions').then(
    ({ tryLock }) => tryLock,
    () => undefined,
  );
  return loading;
}
