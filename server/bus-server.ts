import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CloseCode } from '../protocol/index.js';
import { Bus } from './bus.js';
import { delay, systemClock, type Clock } from './runtime/clock.js';
import { Listener } from './network/listener.js';
import { silentLog, type Log } from './runtime/log.js';
import { OptionError, resolveOptions, type ResolvedOptions, type ServerOptions } from './config/options.js';
import { OriginRelay } from './relay/origin-relay.js';
import { recallTail } from './relay/recall-tail.js';
import { OriginSeal } from './relay/seal.js';
import type { FoundTail, LostTail } from './store/lost-tail.js';
import { bootId, PrivateState, type Endpoint, type LockError } from './repository/index.js';
import { CoordinationDir, CoordinationDirError } from './watch/coordination-dir.js';
import type { RepositoryGoneError } from './watch/watch-state.js';

/** The interval at which a server checks that its lock, its private state and its endpoint still exist. */
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

  /** @throws OptionError if an option is invalid. */
  constructor(options: ServerOptions, clock: Clock = systemClock) {
    this.options = resolveOptions({ ...options, root: resolve(options.root) });
    this.#log = options.log ?? silentLog;
    this.#clock = clock;
    this.bus = new Bus(this.options, clock, this.#log, {
      identity: { check: () => this.#state.presence() },
      // The epoch of a server that may live is not continued, except if it was closed in order.
      journal: {
        boot: () => (this.#state.isFromSilent ? undefined : bootId()),
        findElsewhere: (lost) => this.#recall(lost),
      },
    });
    this.bus.watch.gone = (error) => {
      this.#repositoryGone(error);
    };
    this.bus.newEpochBegan = () => {
      void this.#restartRelay();
    };
    this.#dir = new CoordinationDir(this.options.root);
    this.#state = new PrivateState({
      root: this.options.root,
      stateDir: this.options.stateDir,
      warn: (fields, message) => {
        this.#log.warn(fields, message);
      },
      wait: (ms) => delay(clock, ms),
    });
    const mounted = { bus: this.bus, path: '', limits: this.options.limits, labels: {} };
    this.#listener = new Listener(this.options, [mounted], clock, this.#log);
  }

  /** The URL and the token for clients; `undefined` until started. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** The engine in use; `undefined` until started. */
  get transportName(): string | undefined {
    return this.#listener.transportName;
  }

  /** The port of probes; `undefined` without one, or before the start. */
  get probePort(): number | undefined {
    return this.#listener.probePort;
  }

  /**
   * Watches and reads the repository, listens, and writes the endpoint to `.muse/bus/endpoint.json`.
   * @throws OptionError, CoordinationDirError, LockError if another server has the repository, or Error with code EADDRINUSE if the port
   *   is taken
   */
  async start(): Promise<Endpoint> {
    const { options } = this;
    if (!existsSync(options.root)) throw new OptionError(`root ${options.root} does not exist`);
    this.#listener.check();
    this.#makeDirectories();
    await this.#state.open();
    try {
      await this.#listener.listenForProbes();
      await this.bus.start(() => this.#state.directory);
      const endpoint = await this.#listen();
      this.#beginRelay();
      this.#checkLater();
      return endpoint;
    } catch (error) {
      await this.bus.stop();
      await this.#listener.stopProbes();
      this.#state.close();
      throw error;
    }
  }

  /** Sends clients elsewhere over `drainMs`, before {@link stop}. Until then the bus goes on. */
  async drain(): Promise<void> {
    if (this.#endpoint) await this.#listener.drain();
  }

  async stop(): Promise<void> {
    this.#cancelCheck();
    if (this.#endpoint) this.#state.unpublish();
    const journalClosed = this.bus.stop();
    const relay = this.#relay;
    this.#relay = undefined;
    const relayStopped = relay?.stop();
    await this.#listener.stop();
    await Promise.all([journalClosed, relayStopped]);
    await this.#listener.stopProbes();
    this.#state.close();
    this.#endpoint = undefined;
  }

  /**
   * Resolves with the reason why this server does not publish to NATS: another origin publishes the repository (known only after NATS has
   * answered), or a new attempt to connect cannot succeed. The server still serves its own clients until it is stopped.
   */
  readonly relayRefused = new Promise<Error>((resolve) => {
    this.#relayRefused = resolve;
  });

  /**
   * Resolves when the repository has been missing from its path, or replaced by another, for `goneAfterMs`. Until the server is stopped, it
   * serves the last known records.
   */
  readonly repositoryGone = new Promise<RepositoryGoneError>((resolve) => {
    this.#repositoryGone = resolve;
  });

  /** Resolves when another server has taken the repository, because this server's lock was removed. This server must stop. */
  readonly repositoryTaken = new Promise<LockError>((resolve) => {
    this.#repositoryTaken = resolve;
  });

  /** The path of the token's file. @throws Error while the server is not running. */
  get tokenFile(): string {
    return this.#state.tokenFile;
  }

  /** The path of the file with this server's URL and token. @throws Error while the server is not running. */
  get endpointFile(): string {
    return this.#state.endpointFile;
  }

  /** Makes a new token. Every session ends with 4401, because it was accepted with the old one. */
  rotateToken(): Endpoint {
    return this.#changeToken(this.#state.newToken());
  }

  /**
   * Reads the token's file again, which `muse-bus token rotate` changes in another process, and the certificate and its key. For SIGHUP.
   * @throws OptionError if the certificate and its key do not match. The old ones stay in use.
   */
  async reload(): Promise<void> {
    // Without a valid token in the file the one in use stays. A new one would change the file, whose watcher asks for the next reload.
    const token = this.#state.keptToken();
    if (this.#endpoint && token !== undefined && token !== this.#endpoint.token) this.#changeToken(token);
    await this.reloadTls();
  }

  /** Reads the certificate and its key again. @throws OptionError if they do not match. The old ones stay in use. */
  async reloadTls(): Promise<void> {
    await this.#listener.reloadTls();
  }

  /** Asks the stream for the events that the journal has lost. */
  async #recall(lost: LostTail): Promise<FoundTail | undefined> {
    const { relay: options } = this.options;
    if (!options) return undefined;
    const seal = new OriginSeal(this.#state.relayKey());
    return recallTail({ options, seal, clock: this.#clock, log: this.#log }, lost);
  }

  /** Starts the relay without waiting for it, because the server's own clients do not depend on NATS. */
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
      republish: (records: Parameters<Bus['republish']>[0]) => {
        this.bus.republish(records);
      },
    };
    const relay = new OriginRelay({
      options,
      root,
      source,
      maxRecordBytes: limits.maxRecordBytes,
      seal: new OriginSeal(this.#state.relayKey()),
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

  /** Publishes a new epoch as a server that was started again does. */
  async #restartRelay(): Promise<void> {
    const relay = this.#relay;
    await relay?.stop().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'the connection to NATS could not be closed');
    });
    // Another epoch may have begun meanwhile, or the server may have been stopped.
    if (relay && this.#relay === relay) this.#beginRelay();
  }

  /** Creates the missing directories. If the file system is read-only, the server serves the existing ones, and the watch reports it. */
  #makeDirectories(): void {
    try {
      this.#dir.ensure();
    } catch (error) {
      // Directories that cannot be created may be missing, except `.muse`.
      const isNoMatter = error instanceof CoordinationDirError && error.isReadOnly && existsSync(this.#dir.muse);
      if (!isNoMatter) throw error;
    }
  }

  /** Checks later that the files of this server still exist. `git clean` removes them, for example. */
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
        // Each cause is logged once.
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
    await this.#listener.listen();
    const url = this.#listener.admit(token);
    this.#endpoint = this.#state.publish(url, token, new Date(this.#clock.now()));
    this.#log.info({ url, transport: this.#listener.transportName }, 'listening');
    return this.#endpoint;
  }
}
