import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { BusDir } from './bus-dir.js';
import type { Endpoint } from './endpoint-file.js';

/** Another process serves the repository; the message says which, and what to do. */
export class LockError extends Error {
  override readonly name = 'LockError';
  readonly code = 'MUSE_BUS_LOCKED';

  constructor(
    path: string,
    /** `undefined` while it has not said where it listens. */
    readonly holder: Pick<Endpoint, 'url' | 'pid'> | undefined,
  ) {
    const who = holder
      ? `process ${String(holder.pid)} at ${holder.url}`
      : 'a process that is just starting or stopping';
    super(
      `this repository is served already by ${who} (${path}): connect to that bus, ` +
        'or stop it before starting another',
    );
  }
}

/** What keeps others out for as long as this process lives. */
interface Hold {
  release(): Promise<void>;
}

/**
 * One owner for each repository. The lock is held by the kernel for this process and is gone with it however it ends, so
 * that no stale file ever has to be judged:
 *
 * - Linux: an abstract Unix socket, which exists as long as somebody has it open. Its name holds a random id that is kept
 *   in the server's directory (0600). Abstract names belong to a network namespace: two containers that share the files
 *   but not the network are not kept apart.
 * - macOS and the BSDs: the file `lock`, opened with `O_EXLOCK`.
 * - Windows: a named pipe, of which there can be only one first instance.
 * - Elsewhere: the process named in `endpoint.json` is asked whether it lives. Two that start at the same instant are not
 *   kept apart.
 */
export class RepositoryLock {
  #hold: Hold | undefined;

  /** @param path the server's own directory in the repository, which must exist. */
  constructor(private readonly path: string) {}

  /** @throws LockError where another process, or another server in this one, has it. */
  async acquire(): Promise<void> {
    const hold = await this.#tryHold();
    if (hold === undefined) throw new LockError(this.path, new BusDir(this.path).endpoint.holder());
    this.#hold = hold;
  }

  async release(): Promise<void> {
    const hold = this.#hold;
    this.#hold = undefined;
    await hold?.release();
  }

  #tryHold(): Promise<Hold | undefined> {
    switch (process.platform) {
      case 'linux':
      case 'android':
        return holdSocket(`\0muse-bus-${this.#name()}`);
      case 'win32':
        return holdSocket(`\\\\.\\pipe\\muse-bus-${this.#name()}`);
      case 'darwin':
      case 'freebsd':
      case 'openbsd':
      case 'netbsd':
        return Promise.resolve(holdFile(join(this.path, 'lock')));
      default:
        return Promise.resolve(holdNothing(new BusDir(this.path).endpoint.holder()));
    }
  }

  /** The random id tells repositories apart, and the directory's inode tells one from its copy. */
  #name(): string {
    return `${lockId(join(this.path, 'lock-id'))}-${String(statSync(this.path, { bigint: true }).ino)}`;
  }
}

const LOCK_ID = /^[0-9a-f]{32}$/;

/** Made once. A file that is linked into place is either not there or complete. */
function lockId(file: string): string {
  for (;;) {
    try {
      const id = readFileSync(file, 'utf8').trim();
      if (LOCK_ID.test(id)) return id;
      rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    makeOnce(file, `${randomBytes(16).toString('hex')}\n`);
  }
}

function makeOnce(file: string, content: string): void {
  const temporary = `${file}.${randomBytes(8).toString('hex')}.tmp`;
  writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    // A file system without hard links: whoever is last prevails, and a reader takes what it then finds.
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function holdSocket(path: string): Promise<Hold | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    // In a worker of a cluster, a socket that is not exclusive would be everybody's.
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      resolve({ release: () => new Promise<void>((done) => server.close(() => done())) });
    });
  });
}

/** From `sys/fcntl.h` of macOS and of the BSDs; Node has no name for it and passes it on. */
const O_EXLOCK = 0x20;

function holdFile(path: string): Hold | undefined {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK;
  let file: number;
  try {
    file = openSync(path, flags, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    throw error;
  }
  return {
    release: () => {
      closeSync(file);
      return Promise.resolve();
    },
  };
}

function holdNothing(holder: Pick<Endpoint, 'pid'> | undefined): Hold | undefined {
  if (holder && holder.pid !== process.pid && isAlive(holder.pid)) return undefined;
  return { release: () => Promise.resolve() };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
