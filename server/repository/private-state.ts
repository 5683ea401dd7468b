import { BusDirectory, whyNotWritable } from './bus-directory.js';
import { ENDPOINT_FILE, endpointIn, type Endpoint } from './endpoint.js';
import { FileLock, type LockOptions } from './file-lock.js';
import { RepositoryIdentity, type IdentityState } from './identity.js';
import { LockError } from './lock-error.js';
import type { PrivateDirectory } from './private-directory.js';
import { PublishedEndpoint } from './published-endpoint.js';
import {
  warnOfHiddenEndpoint,
  warnOfReadableState,
  warnOfSilentHolder,
  warnOfWeakness,
  type Warn,
} from './private-state-warnings.js';
import { STATE_LOCK_FILE, StateDirectory } from './state-directory.js';
import { realPath, stateLocation, type StateLocation } from './state-location.js';
import { relayKey } from './relay-key.js';
import { servedRepository } from './served-repository.js';
import { cleanUp } from './temporary-files.js';
import { readToken, TOKEN_FILE, writeToken } from './token.js';

export interface PrivateStateOptions {
  readonly root: string;
  /** The directory for the state of programs, in place of the platform's own. */
  readonly stateDir?: string | undefined;
  /** Logs a fault that does not keep the repository from being served. */
  readonly warn: Warn;
  /** Waits for the answer of a server that another kernel may run. @default such a server counts as running */
  readonly wait?: (ms: number) => Promise<void>;
  /** What this process and its kernel are to other servers. A test replaces it to be another machine. */
  readonly locking?: Pick<LockOptions, 'host' | 'tryLock'>;
}

/**
 * The result of {@link PrivateState.check}. `restored`: something was lost and was made again. `elsewhere`: the path leads to
 * another repository, or to none. `taken`: something was lost, and another server has the repository now.
 */
export type StateCheck =
  | { readonly is: 'intact' }
  | { readonly is: 'restored' }
  | { readonly is: 'elsewhere' }
  | { readonly is: 'failed'; readonly error: Error }
  | { readonly is: 'taken'; readonly error: LockError };

/** The parts that are open while a repository is served. */
interface Opened {
  readonly identity: RepositoryIdentity;
  /** `undefined` if the repository cannot be written to. */
  bus: BusDirectory | undefined;
  state: StateDirectory;
  stateLock: FileLock;
  marker: string | undefined;
}

/**
 * The files that one server owns of a repository: the locks that keep other servers out, the token, the endpoint, and the
 * directory of the journal. If any is lost while the server runs, {@link check} makes it again.
 */
export class PrivateState {
  readonly #options: PrivateStateOptions;
  #location: StateLocation | undefined;
  #opened: Opened | undefined;
  readonly #endpoint: PublishedEndpoint;

  constructor(options: PrivateStateOptions) {
    this.#options = options;
    this.#endpoint = new PublishedEndpoint(() => this.#directories(), options.warn);
  }

  /**
   * Takes the locks. If the last server did not stop in order, makes a new token: a program that has listened at the old port
   * since then may have received the old one.
   * @throws LockError if another server has the repository, TrustError if other users could have replaced a file or directory.
   */
  async open(): Promise<void> {
    const root = realPath(this.#options.root);
    const location = stateLocation(root, this.#options.stateDir);
    this.#location = location;
    const bus = await this.#openBus(root);
    try {
      // Identified by the path as it was given, because a link in it may be changed later.
      const given = this.#options.root;
      const identity = RepositoryIdentity.of(given);
      if (identity === undefined) throw new Error(`there is no directory ${root}/.muse`);
      const state = await StateDirectory.open(location, root, identity);
      const result = await FileLock.acquire(state.directory, STATE_LOCK_FILE, this.#locking);
      if (result.is === 'held') {
        const holder = endpointIn(state.directory);
        state.directory.close();
        throw new LockError(location.path, holder, result.by);
      }
      if (state.pruned.length > 0) {
        this.#options.warn(
          { repositories: state.pruned },
          'removed the private state of repositories that no longer exist',
        );
      }
      const marker = bus?.marker(state.marker);
      state.sign(root, identity, marker);
      // Read again, because the repository has its marker now.
      this.#opened = { identity: RepositoryIdentity.of(given) ?? identity, bus, state, stateLock: result.lock, marker };
      warnOfWeakness(result.lock.weakness, this.#options.warn);
    } catch (error) {
      bus?.close();
      throw error;
    }
    this.#warnOfModes();
    const { bus: own, state } = this.#running;
    for (const { directory } of own ? [own, state] : [state]) cleanUp(directory, STATE_LOCK_FILE, this.#options.warn);
    if (this.#endpoint.removeStale()) this.newToken();
  }

  /** Whether a server that gave no answer had the repository before. It may be stopped and live. */
  get isFromSilent(): boolean {
    const { bus, stateLock } = this.#running;
    return stateLock.isFromSilent || bus?.lock.isFromSilent === true;
  }

  /** The state's directory, which is outside of the checkout. @throws Error while it is not open. */
  get directory(): PrivateDirectory {
    return this.#running.state.directory;
  }

  /** Whether the path still leads to the repository that is served; `unreadable` if the file system does not tell. */
  presence(): IdentityState {
    return this.#running.identity.check();
  }

  /** The path of the endpoint file: in the repository, or if that cannot be written to, beside the token. */
  get endpointFile(): string {
    return this.#directories()[0]!.pathOf(ENDPOINT_FILE);
  }

  get tokenFile(): string {
    return this.directory.pathOf(TOKEN_FILE);
  }

  /** Returns the token of this repository. It is made at first use and kept. */
  token(): string {
    return readToken(this.directory) ?? this.newToken();
  }

  /** Returns the secret that the origin of this repository signs with. It is made at first use and kept. */
  relayKey(): string {
    return relayKey(this.directory, (why) => {
      this.#options.warn(
        { directory: this.directory.path, advice: 'give edges the new key: muse-bus doctor shows it' },
        `the key of the relay ${why}: a new one is created, and edges that check signatures accept no messages until they have it`,
      );
    });
  }

  /** Returns the token in its file; `undefined` if the file is missing or is not this user's alone. */
  keptToken(): string | undefined {
    return readToken(this.directory);
  }

  /** Makes a new token, which replaces the one before. */
  newToken(): string {
    return writeToken(this.directory);
  }

  /** Writes this server's endpoint file, in the repository and in its state. */
  publish(url: string, token: string, startedAt: Date): Endpoint {
    const { identity } = this.#running;
    const repository = servedRepository(realPath(this.#options.root), identity.record);
    return this.#endpoint.publish(url, token, startedAt, repository);
  }

  /** Checks that this server's files and locks still exist, and makes lost ones again. */
  async check(): Promise<StateCheck> {
    const opened = this.#opened;
    if (opened === undefined) return { is: 'intact' };
    try {
      // Nothing is written if the path leads to another repository.
      if (opened.identity.check() !== 'same') return { is: 'elsewhere' };
      const isBusLost = opened.bus?.isIntact() === false;
      const isStateLost = !opened.state.directory.isIntact() || !opened.stateLock.isInPlace();
      if (isBusLost) await this.#reopenBus(opened);
      if (isStateLost) await this.#reopenState(opened);
      const isRewritten = this.#rewriteLost(opened);
      opened.bus?.lock.answer();
      opened.stateLock.answer();
      return { is: isBusLost || isStateLost || isRewritten ? 'restored' : 'intact' };
    } catch (error) {
      return error instanceof LockError ? { is: 'taken', error } : { is: 'failed', error: error as Error };
    }
  }

  /** Removes the endpoint files that are still this server's. */
  unpublish(): void {
    if (this.#opened !== undefined) this.#endpoint.unpublish();
  }

  /** Releases the repository for the next server. */
  close(): void {
    this.unpublish();
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    opened.stateLock.release();
    opened.state.directory.close();
    opened.bus?.close();
  }

  get #locking(): LockOptions {
    const { wait, warn, locking } = this.#options;
    if (!wait) return { ...locking };
    return {
      ...locking,
      asking: {
        wait,
        say: (holder, what) => {
          warnOfSilentHolder(holder, what, warn);
        },
      },
    };
  }

  get #running(): Opened {
    if (!this.#opened) throw new Error('the repository is not open');
    return this.#opened;
  }

  /** The directories of the endpoint. It holds the token, so it is not where everybody could read it, if that can be avoided. */
  #directories(): PrivateDirectory[] {
    const { bus, state } = this.#running;
    return bus?.directory.keepsModes === true ? [bus.directory, state.directory] : [state.directory];
  }

  async #openBus(root: string): Promise<BusDirectory | undefined> {
    try {
      return await BusDirectory.open(root, this.#locking);
    } catch (error) {
      const why = whyNotWritable(error);
      if (why === undefined) throw error;
      this.#options.warn(
        { why, endpoint: `${this.#location!.path}/${ENDPOINT_FILE}` },
        'the repository cannot be written to: only clients with the same state directory find this server',
      );
      return undefined;
    }
  }

  async #reopenBus(opened: Opened): Promise<void> {
    const root = realPath(this.#options.root);
    const bus = await BusDirectory.open(root, this.#locking);
    opened.bus?.close();
    opened.bus = bus;
    opened.marker = bus.marker(opened.marker);
  }

  async #reopenState(opened: Opened): Promise<void> {
    const root = realPath(this.#options.root);
    const location = this.#location!;
    const state = await StateDirectory.open(location, root, opened.identity);
    const result = await FileLock.acquire(state.directory, STATE_LOCK_FILE, this.#locking);
    if (result.is === 'held') {
      state.directory.close();
      throw new LockError(location.path, undefined, result.by);
    }
    opened.stateLock.release();
    opened.state.directory.close();
    opened.state = state;
    opened.stateLock = result.lock;
    state.sign(root, opened.identity, opened.marker);
  }

  /** @returns whether anything was missing. */
  #rewriteLost({ bus, state, marker }: Opened): boolean {
    const endpoint = this.#endpoint.current;
    if (endpoint === undefined) return false;
    let isRewritten = this.#endpoint.rewriteLost();
    if (bus !== undefined && marker !== undefined && bus.marker(marker) !== marker) isRewritten = true;
    // If the file holds another token, an operator has renewed it. It must not be overwritten.
    if (readToken(state.directory) === undefined) {
      writeToken(state.directory, endpoint.token);
      isRewritten = true;
    }
    return isRewritten;
  }

  /** Says what cannot be private, because a file system has no file modes. */
  #warnOfModes(): void {
    const { bus, state } = this.#running;
    const { warn } = this.#options;
    if (!state.directory.keepsModes) warnOfReadableState(state.directory, warn);
    if (bus === undefined || bus.directory.keepsModes) return;
    bus.directory.remove(ENDPOINT_FILE);
    warnOfHiddenEndpoint(bus.directory, state.directory, warn);
  }
}
