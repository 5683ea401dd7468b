import { systemClock, type Clock } from './runtime/clock.js';
import { Listener } from './network/listener.js';
import { silentLog, type Log } from './runtime/log.js';
import { refuseTwice, resolveEdge, type EdgeOptions, type EdgeRepository } from './config/edge-options.js';
import type { ResolvedOptions } from './config/options.js';
import type { EdgeBus } from './edge-bus.js';
import { EdgeService } from './edge-service.js';
import { whyNoNats } from './relay/nats.js';
import { OptionError } from './config/option-error.js';
import type { Endpoint } from './repository/index.js';

/**
 * A bus on a port, without the repository's files; or several, each below its own path. It serves what origins publish, in the same
 * protocol.
 */
export class EdgeServer {
  readonly options: ResolvedOptions;
  #services: readonly EdgeService[];
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #isShared: boolean;
  readonly #isJoint: boolean;
  #isStopped = false;
  /** One reload after the other, and none before several are listened for. */
  #reloading: Promise<unknown> = Promise.resolve();

  /** @throws OptionError if an option is invalid. */
  constructor(
    private readonly given: EdgeOptions,
    clock: Clock = systemClock,
  ) {
    const { options: common, sharePort, isJoint, repositories } = resolveEdge(given);
    this.options = common;
    this.#isShared = sharePort;
    this.#isJoint = isJoint;
    this.#log = given.log ?? silentLog;
    this.#clock = clock;
    this.#services = repositories.map((one) => new EdgeService(one, clock, this.#log));
    // One token would open both.
    refuseTwice('token file', this.services, ({ files }) => files.tokenFile);
    this.#listener = new Listener({ ...common, sharePort }, this.services, clock, this.#log);
  }

  /** Each repository, in the order in which they were given. */
  get services(): readonly EdgeService[] {
    return this.#services;
  }

  /** The bus of the first repository. */
  get bus(): EdgeBus {
    return this.services[0]!.bus;
  }

  /** The URL and the token for clients, of the first repository; `undefined` until started. */
  get endpoint(): Endpoint | undefined {
    return this.services[0]!.endpoint;
  }

  get transportName(): string | undefined {
    return this.#listener.transportName;
  }

  /** The port of probes; `undefined` without one, or before the start. */
  get probePort(): number | undefined {
    return this.#listener.probePort;
  }

  /**
   * With one repository, resolves when its records are complete and clients are accepted, however long NATS and the origin take. With
   * several, resolves at once: each accepts clients when its records are complete, whatever the others do.
   * @returns the endpoint of the first.
   * @throws OptionError, or Error with code EADDRINUSE if the port is taken.
   */
  start(): Promise<Endpoint> {
    const started = this.#start();
    if (this.#isJoint) this.#reloading = started.catch(() => undefined);
    return started;
  }

  async #start(): Promise<Endpoint> {
    try {
      this.#listener.check();
      for (const service of this.services) service.readToken();
      await this.#listener.listenForProbes();
      if (this.#isJoint) await this.#startEach();
      else await this.bus.start();
      if (this.#isStopped) throw new Error('stopped before the records were complete');
      await this.#listener.listen();
      for (const service of this.services) this.#publish(service);
      return this.endpoint!;
    } catch (error) {
      await this.#stopEach();
      await this.#listener.stopProbes();
      throw error;
    }
  }

  /** Starts all without waiting for any. @throws OptionError if the clients of NATS are not installed. */
  async #startEach(): Promise<void> {
    const why = await whyNoNats();
    if (why !== undefined) throw new OptionError(why);
    for (const service of this.services) startAlone(service);
  }

  /** Accepts clients of a repository from now on. */
  #publish(service: EdgeService): void {
    const { url } = service.publish(this.#listener, new Date(this.#clock.now()));
    service.log.info({ url, transport: this.transportName }, 'listening');
  }

  async #stopEach(): Promise<void> {
    await Promise.all(this.services.map(({ bus }) => bus.stop()));
  }

  /** Sends clients elsewhere over `drainMs`, before {@link stop}. Until then the edge follows the stream. */
  async drain(): Promise<void> {
    if (this.endpoint) await this.#listener.drain();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    // If the port is shared, the files also lead to other edges, which may still run.
    if (!this.#isShared) for (const service of this.services) service.unpublish();
    const stopped = this.#stopEach();
    await this.#listener.stop();
    await stopped;
    await this.#listener.stopProbes();
    for (const service of this.services) service.forget();
  }

  /**
   * Reads the files of the tokens again, and the certificate and its key. Sessions of another token end with 4401. For SIGHUP.
   * @param repositories what is served from now on, at an edge of several. Those that are as they were go on; clients of the others
   *   connect again.
   * @throws OptionError if the repositories are invalid, a file holds no token, or the certificate and its key do not match; the first of
   *   them. What cannot be read stays as it was, and all else is read.
   */
  reload(repositories?: readonly EdgeRepository[]): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload(repositories));
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  async #reload(repositories: readonly EdgeRepository[] | undefined): Promise<void> {
    if (this.#isStopped) return;
    const errors: unknown[] = [];
    try {
      if (repositories) await this.#serve(repositories);
    } catch (error) {
      this.#log.error({ err: error }, 'the repositories stay as they were');
      errors.push(error);
    }
    for (const service of this.services) {
      try {
        service.reload(this.#listener);
      } catch (error) {
        service.log.error({ err: error }, 'the token cannot be read again, and stays as it was');
        errors.push(error);
      }
    }
    await this.#listener.reloadTls();
    if (errors.length > 0) throw errors[0];
  }

  /** Serves these repositories in place of those until now. @throws OptionError if they cannot be served; then nothing has changed. */
  async #serve(repositories: readonly EdgeRepository[]): Promise<void> {
    const wanted = resolveEdge({ ...this.given, repositories }).repositories;
    const before = this.services;
    const after = wanted.map(
      (one) => before.find((service) => service.isAs(one)) ?? new EdgeService(one, this.#clock, this.#log),
    );
    refuseTwice('token file', after, ({ files }) => files.tokenFile);
    const added = after.filter((service) => !before.includes(service));
    for (const service of added) {
      this.#listener.checkLimits(service);
      service.readToken();
    }
    for (const service of before.filter((one) => !after.includes(one))) {
      this.#listener.unmount(service.path);
      if (!this.#isShared) service.unpublish();
      service.log.info({}, 'no longer served');
      await service.bus.stop();
    }
    this.#services = after;
    for (const service of added) {
      this.#listener.mount(service);
      this.#publish(service);
      startAlone(service);
    }
  }
}

/** Starts one of several, which must not keep the others waiting. */
function startAlone({ bus, log }: EdgeService): void {
  bus.start().catch((error: unknown) => {
    log.error({ err: error }, 'this repository is not served: its start has failed');
  });
}
