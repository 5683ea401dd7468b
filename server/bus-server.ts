import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CloseCode } from '../protocol/index.js';
import { Bus } from './bus.js';
import { systemClock, type Clock } from './runtime/clock.js';
import { Listener } from './network/listener.js';
import { silentLog, type Log } from './runtime/log.js';
import { OptionError, resolveOptions, type ResolvedOptions, type ServerOptions } from './config/options.js';
import { OriginRelay } from './relay/origin-relay.js';
import { PrivateState, type Endpoint, type LockError } from './repository/index.js';
import { CoordinationDir, CoordinationDirError } from './watch/coordination-dir.js';
import type { RepositoryGoneError } from './watch/watch-state.js';

/** How soon it is noticed that what a server has published was removed. */
const CHECK_STATE_MS = 1_000;

/** A bus on a port: `start` opens everything, `stop` closes it in reverse. */
export class BusServer {
  readonly options: ResolvedOptions;
  readonly bus: Bus;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #state: PrivateState;
  readonly #dir: CoordinationDir;
  readonly #listener: Listener;
  #relay: OriginRelay | undefined;
  #relayRefused: (error: Error) => void = () => undefined;
  #repositoryGone: (error: RepositoryGoneError) => void = () => undefined;
  #repositoryTaken: (error: LockError) => void = () => undefined;
  #cancelCheck: () => void = () => undefined;
  #warnedOf: string | undefined;
  #endpoint: Endpoint | undefined;

  /** @throws OptionError where an option is outside its range. */
  constructor(options: ServerOptions, clock: Clock = systemClock) {
    this.options = resolveOptions({ ...options, root: resolve(options.root) });
    this.#log = options.log ?? silentLog;
    this.#clock = clock;
    this.bus = new Bus(this.options, clock, this.#log, { identity: { check: () => this.#state.presence() } });
    this.bus.watch.gone = (error) => {
      this.#repositoryGone(error);
    };
    this.#dir = new CoordinationDir(this.options.root);
    this.#state = new PrivateState({
      root: this.options.root,
      stateDir: this.options.stateDir,
      warn: (fields, message) => {
        this.#log.warn(fields, message);
      },
    });
    this.#listener = new Listener(this.options, this.bus, clock, this.#log);
  }

  /** Where to connect and with which token; `undefined` until started. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** The engine in use; `undefined` until started. */
  get transportName(): string | undefined {
    return this.#listener.transportName;
  }

  /**
   * Watches, reads, listens, and says so in `.muse/bus/endpoint.json`.
   * @throws OptionError, CoordinationDirError, LockError where another server has the repository, or Error with code
   *   EADDRINUSE
   */
  async start(): Promise<Endpoint> {
    const { options } = this;
    if (!existsSync(options.root)) throw new OptionError(`root ${options.root} does not exist`);
    this.#makeDirectories();
    await this.#state.open();
    try {
      await this.bus.start(() => this.#state.directory);
      const endpoint = await this.#listen();
      this.#beginRelay();
      this.#checkLater();
      return endpoint;
    } catch (error) {
      await this.bus.stop();
      this.#state.close();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#cancelCheck();
    if (this.#endpoint) this.#state.unpublish();
    const journalClosed = this.bus.stop();
    const relayStopped = this.#relay?.stop();
    await this.#listener.stop();
    await Promise.all([journalClosed, relayStopped]);
    this.#state.close();
    this.#endpoint = undefined;
  }

  /**
   * Resolves with why this server must not publish, which is known only when NATS has been reached: another origin has
   * the repository, or NATS cannot be asked at all. Its own clients are served all the same until it is stopped.
   */
  readonly relayRefused = new Promise<Error>((resolve) => {
    this.#relayRefused = resolve;
  });

  /**
   * Resolves when the repository has been gone from its path, or replaced by another, for `goneAfterMs`. Until then, and
   * until the server is stopped, what was known stands.
   */
  readonly repositoryGone = new Promise<RepositoryGoneError>((resolve) => {
    this.#repositoryGone = resolve;
  });

  /** Resolves when another server has taken the repository, because what kept it out was removed: this one must stop. */
  readonly repositoryTaken = new Promise<LockError>((resolve) => {
    this.#repositoryTaken = resolve;
  });

  /** Where the token is kept. @throws Error while the server is not running. */
  get tokenFile(): string {
    return this.#state.tokenFile;
  }

  /** The file that says where this server is, and its token. @throws Error while the server is not running. */
  get endpointFile(): string {
    return this.#state.endpointFile;
  }

  /** Makes another token; every session ends with 4401, because all of them were let in with the one before. */
  rotateToken(): Endpoint {
    return this.#changeToken(this.#state.newToken());
  }

  /**
   * Looks again at what may have been changed from outside while the server runs: the token's file, as `muse-bus token
   * rotate` does in another process, and the certificate. For SIGHUP.
   * @throws OptionError where the certificate does not fit; the old one stays in use.
   */
  async reload(): Promise<void> {
    const token = this.#state.token();
    if (this.#endpoint && token !== this.#endpoint.token) this.#changeToken(token);
    await this.reloadTls();
  }

  /** @throws OptionError where the certificate and its key do not fit; the old ones stay in use. */
  async reloadTls(): Promise<void> {
    await this.#listener.reloadTls();
  }

  /** Not waited for: the server's own clients have nothing to do with NATS. */
  #beginRelay(): void {
    const { relay: options, root, limits } = this.options;
    if (!options) return;
    const { hub } = this.bus;
    const { epoch, store, history } = hub;
    const source = {
      epoch,
      store,
      history,
      health: () => this.bus.health,
      readNow: (record: Parameters<Bus['watch']['readNow']>[0]) => this.bus.watch.readNow(record),
    };
    const relay = new OriginRelay({
      options,
      root,
      source,
      maxRecordBytes: limits.maxRecordBytes,
      clock: this.#clock,
      log: this.#log,
    });
    this.#relay = relay;
    this.bus.afterPublish = () => {
      relay.wake();
    };
    this.bus.relay = relay;
    relay.start().catch((error: unknown) => {
      this.#log.error({ err: error }, (error as Error).message);
      this.#relayRefused(error as Error);
    });
  }

  /** Where nothing can be made, what is there is served: the watch says so. */
  #makeDirectories(): void {
    try {
      this.#dir.ensure();
    } catch (error) {
      // What cannot be made may be missing, but not the repository itself.
      const isNoMatter = error instanceof CoordinationDirError && error.isReadOnly && existsSync(this.#dir.muse);
      if (!isNoMatter) throw error;
    }
  }

  /** What the server has published may be removed under it: `git clean` does that. */
  #checkLater(): void {
    this.#cancelCheck = this.#clock.after(CHECK_STATE_MS, () => {
      void this.#checkState();
    });
  }

  async #checkState(): Promise<void> {
    const found = await this.#state.check();
    if (!this.#endpoint) return;
    switch (found.is) {
      case 'taken':
        this.#log.error({ err: found.error }, 'another server has taken the repository: this one must stop');
        this.#repositoryTaken(found.error);
        return;
      case 'restored':
        this.#log.warn({}, 'files of this server were removed or replaced; they are made again');
        break;
      case 'failed':
        // Once for each cause.
        if (this.#warnedOf !== found.error.message) {
          this.#log.error(
            { err: found.error },
            'files of this server were removed or replaced and cannot be made again',
          );
        }
        break;
      case 'elsewhere':
      case 'intact':
        break;
    }
    this.#warnedOf = found.is === 'failed' ? found.error.message : undefined;
    this.#checkLater();
  }

  #changeToken(token: string): Endpoint {
    if (!this.#endpoint) throw new Error('the server has not been started');
    const { url, started_at } = this.#endpoint;
    this.#listener.changeToken(token);
    this.#endpoint = this.#state.publish(url, token, new Date(started_at));
    this.bus.disconnectAll(CloseCode.unauthorized, 'the token has been changed');
    this.#log.info({}, 'token changed');
    return this.#endpoint;
  }

  async #listen(): Promise<Endpoint> {
    const token = this.#state.token();
    const url = await this.#listener.listen(token);
    this.#endpoint = this.#state.publish(url, token, new Date(this.#clock.now()));
    this.#log.info({ url, transport: this.#listener.transportName, pid: process.pid }, 'listening');
    return this.#endpoint;
  }
}
