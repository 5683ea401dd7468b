import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { ChangedFile } from './changed-file.js';
import {
  isOfEarlierBoot,
  isOfSameKernel,
  parseLock,
  seesSameProcesses,
  thisHost,
  type Host,
  type LockHolder,
  type LockText,
} from './lock-holder.js';
import { answers, questionFile, questionIn, type Asking } from './lock-question.js';
import type { PrivateDirectory } from './private-directory.js';

const MAX_HOLDER_BYTES = 1_024;
/** Lock files are rarely replaced. At so many replacements in a row, another program interferes. */
const MAX_ATTEMPTS = 100;

/** Why the kernel holds no lock here. The content of the lock file is used instead: it fails if two start at the same instant. */
export type LockWeakness = 'no library' | 'not supported';

/** The result of a request for a lock. */
export type LockResult =
  | { readonly is: 'acquired'; readonly lock: FileLock }
  /** `by`: `undefined` if it is not known. */
  | { readonly is: 'held'; readonly by: LockHolder | undefined };

/** How to take a lock whose file names a holder that cannot be seen from here. Without `asking`, it counts as held. */
export interface LockOptions {
  readonly asking?: Asking | undefined;
  readonly host?: Host | undefined;
  /** @default the library's; `undefined` where there is none */
  readonly tryLock?: () => Promise<TryLock | undefined>;
}

export type TryLock = (file: number) => boolean;

/**
 * A lock that the kernel holds for this process on an open file. It ends with the process, however that ends. It belongs to the
 * file, so that it also keeps out processes in other containers and mount namespaces that see the file.
 *
 * Other kernels may see the file too, and may not share locks: virtual machines, some network mounts. So if the file names a holder of
 * another kernel, or none here can judge, the holder is asked through a file beside the lock, and counts as gone only if it is silent.
 */
export class FileLock {
  #answered: string | undefined;
  readonly #holderFile: ChangedFile;
  readonly #questionFile: ChangedFile;

  private constructor(
    private readonly directory: PrivateDirectory,
    private readonly name: string,
    private readonly file: number,
    private readonly own: LockHolder,
    /** `undefined` if the kernel holds the lock. */
    readonly weakness: LockWeakness | undefined,
    /** Whether a holder was replaced that gave no answer, or was not asked because its machine has started again since. */
    readonly isFromSilent: boolean,
  ) {
    this.#holderFile = new ChangedFile(directory, name);
    this.#questionFile = new ChangedFile(directory, questionFile(name));
  }

  /** Requests the lock on a file in a directory, and makes the file if it is missing. Waits only for the answer of a holder elsewhere. */
  static async acquire(
    directory: PrivateDirectory,
    name: string,
    { asking, host = thisHost, tryLock = library }: LockOptions = {},
  ): Promise<LockResult> {
    const lockIt = await tryLock();
    const own = host.holder();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const file = directory.open(name);
      const weakness = tryOn(file, lockIt);
      const holder = holderIn(file);
      if (weakness === 'held') {
        closeSync(file);
        return { is: 'held', by: holder };
      }
      const holderState = stateOfHolder(file, holder, own, weakness, host);
      if (holderState === 'held') {
        closeSync(file);
        return { is: 'held', by: holder };
      }
      // The kernel's lock is kept meanwhile, so that another process here does not ask at the same time.
      if (
        holderState === 'unseen' &&
        (!asking || (await answers(directory, name, holder!, () => reread(directory, name), asking)))
      ) {
        closeSync(file);
        return { is: 'held', by: holder };
      }
      const lock = new FileLock(directory, name, file, own, weakness, holderState !== 'free');
      // Between opening and locking, another process may have replaced the file and locked the new one.
      if (lock.#isSameFile()) {
        lock.#sign();
        return { is: 'acquired', lock };
      }
      closeSync(file);
    }
    throw new Error(`${directory.pathOf(name)} is replaced again and again: find the program that does it`);
  }

  /** @returns the holder that a lock file names, if its process can be seen from here and may live. Takes no lock. */
  static livingHolder(directory: PrivateDirectory, name: string, host: Host = thisHost): LockHolder | undefined {
    const holder = reread(directory, name);
    if (typeof holder === 'string' || !seesSameProcesses(holder, host.holder())) return undefined;
    return host.mayLive(holder) ? holder : undefined;
  }

  /** Whether the path still leads to the locked file, and it names no other holder. If not, another process has or can take the lock. */
  isInPlace(): boolean {
    if (!this.#isSameFile()) return false;
    if (!this.#holderFile.look()) return true;
    const now = reread(this.directory, this.name);
    return typeof now === 'string' || now.claim === undefined || now.claim === this.own.claim;
  }

  /** Answers a starting server that cannot see this process. To be called each second. */
  answer(): void {
    try {
      if (!this.#questionFile.look()) return;
      const question = questionIn(this.directory, this.name);
      if (question === undefined || question === this.#answered) return;
      this.#answered = question;
      this.#write();
    } catch {
      // Without an answer the other takes the lock, and this server will see that.
    }
  }

  release(): void {
    heldHere.delete(keyOf(this.file));
    try {
      if (this.isInPlace()) {
        // A holder that has stopped in order is not asked.
        ftruncateSync(this.file, 0);
        this.directory.remove(questionFile(this.name));
      }
    } catch {
      // The directory is gone, or can no longer be written to.
    }
    closeSync(this.file);
  }

  #isSameFile(): boolean {
    try {
      const here = fstatSync(this.file, { bigint: true });
      const there = this.directory.stats(this.name);
      return this.directory.isIntact() && there?.ino === here.ino && there.dev === here.dev;
    } catch {
      return false;
    }
  }

  #sign(): void {
    heldHere.add(keyOf(this.file));
    try {
      this.#write();
      this.directory.replace(questionFile(this.name), '');
    } catch {
      // The disk is full. The kernel holds the lock without it.
    }
  }

  /** Writes the holder into the file: for people, and for systems that share no lock with this one. */
  #write(): void {
    const answered = this.#answered === undefined ? {} : { answered: this.#answered };
    const text = `${JSON.stringify({ ...this.own, ...answered })}\n`;
    // A reader in between cannot parse it, and reads again.
    writeSync(this.file, text, 0);
    ftruncateSync(this.file, Buffer.byteLength(text));
  }
}

/** The locks of this process, by device and inode. They keep two servers in one process apart if the kernel does not. */
const heldHere = new Set<string>();

function keyOf(file: number): string {
  const { dev, ino } = fstatSync(file, { bigint: true });
  return `${String(dev)}:${String(ino)}`;
}

function tryOn(file: number, tryLock: TryLock | undefined): LockWeakness | 'held' | undefined {
  if (tryLock === undefined) return 'no library';
  try {
    return tryLock(file) ? undefined : 'held';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/^(ENOLCK|ENOTSUP|EOPNOTSUPP|ENOSYS|EINVAL)$/.test(code)) return 'not supported';
    closeSync(file);
    throw error;
  }
}

/** The state of the holder that a lock file names, if the kernel has refused nothing. `unseen`: its process cannot be seen from here. `over`: its machine has started again. */
function stateOfHolder(
  file: number,
  holder: LockHolder | undefined,
  own: LockHolder,
  weakness: LockWeakness | undefined,
  host: Host,
): 'free' | 'held' | 'unseen' | 'over' {
  if (holder === undefined) return 'free';
  if (isOfEarlierBoot(holder, own)) return 'over';
  // The kernel that has run the holder would have kept its lock, if both reach the file in the same way: through another mount it is
  // another file to the kernel, and a holder that can be seen to live is asked.
  if (weakness === undefined) {
    if (!isOfSameKernel(holder, own)) return 'unseen';
    return holder.pid !== own.pid && seesSameProcesses(holder, own) && host.mayLive(holder) ? 'unseen' : 'free';
  }
  if (!seesSameProcesses(holder, own)) return 'unseen';
  if (holder.pid === own.pid) return heldHere.has(keyOf(file)) ? 'held' : 'free';
  return host.mayLive(holder) ? 'held' : 'free';
}

/** The holder that an open lock file names; `undefined` if none can be read. */
function holderIn(file: number): LockHolder | undefined {
  try {
    const bytes = Buffer.alloc(MAX_HOLDER_BYTES);
    const length = readSync(file, bytes, 0, MAX_HOLDER_BYTES, 0);
    const found = parseLock(bytes.toString('utf8', 0, length));
    return typeof found === 'string' ? undefined : found;
  } catch {
    return undefined;
  }
}

/** Reads a lock file through its path: a network file system shows what others wrote to those who open the file again. */
function reread(directory: PrivateDirectory, name: string): LockText {
  try {
    const found = directory.read(name, MAX_HOLDER_BYTES);
    return found.is === 'content' ? parseLock(found.text) : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** Whether the library by which the kernel locks files loads here. */
export const hasLockLibrary = async (): Promise<boolean> => (await library()) !== undefined;

let loading: Promise<TryLock | undefined> | undefined;

/** Loads the library at first use: a client needs no lock. */
function library(): Promise<TryLock | undefined> {
  loading ??= import('fs-native-extensions').then(
    ({ tryLock }) => tryLock,
    () => undefined,
  );
  return loading;
}
