import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { PrivateDirectory } from './private-directory.js';
import { ownProcess, stateOfProcess, type ProcessProof } from './process-proof.js';

const MAX_HOLDER_BYTES = 1_024;
/** A lock file is replaced seldom; one that is so often is somebody's attempt. */
const MAX_ATTEMPTS = 100;

/** Why the kernel keeps no lock here; what is done instead keeps two apart that do not start at the same instant. */
export type LockWeakness = 'no library' | 'not supported';

/** The outcome of asking for a lock. */
export type LockResult =
  | { readonly is: 'acquired'; readonly lock: FileLock }
  /** `pid`: of its holder, where it is known. */
  | { readonly is: 'held'; readonly pid: number | undefined };

type TryLock = (file: number) => boolean;

/**
 * A lock that the kernel keeps for this process on an open file, and that is gone with the process however it ends. It is kept
 * for the file, so that it reaches as far as the file does: into other containers and mount namespaces, too.
 */
export class FileLock {
  private constructor(
    private readonly directory: PrivateDirectory,
    private readonly name: string,
    private readonly file: number,
    /** `undefined` where the kernel holds it. */
    readonly weakness: LockWeakness | undefined,
  ) {}

  /** Asks for the lock on a file in a directory, which is made where it is missing. Does not wait. */
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
      // Between opening and locking another process may have put another file in its place, and have locked that.
      if (lock.isInPlace()) {
        lock.#signFile();
        return { is: 'acquired', lock };
      }
      lock.release();
    }
    throw new Error(`${directory.pathOf(name)} is replaced again and again`);
  }

  /** Whether the path still leads to the file that is locked: where it does not, others can have the lock. */
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

  /** Says who holds it: for people, and for where the kernel does not. */
  #signFile(): void {
    heldHere.add(keyOf(this.file));
    try {
      ftruncateSync(this.file, 0);
      writeSync(this.file, `${JSON.stringify(ownProcess())}\n`, 0);
    } catch {
      // A full disk: the kernel holds it all the same.
    }
  }
}

/** By device and inode: two servers in one process are kept apart where the kernel does not do it. */
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

/** By what the file says, where the kernel does not keep the lock. */
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

/** Loaded when first wanted: who only asks a bus needs no lock. */
function library(): Promise<TryLock | undefined> {
  loading ??= import('fs-native-extensions').then(
    ({ tryLock }) => tryLock,
    () => undefined,
  );
  return loading;
}
