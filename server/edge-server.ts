import { systemClock, type Clock } from './runtime/clock.js';
import { Listener } from './network/listener.js';
import { silentLog, type Log } from './runtime/log.js';
import { refuseTwice, resolveEdge, type EdgeOptions } from './config/edge-options.js';
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
  /** Each repository, in the order in which they were given. */
  readonly services: readonly EdgeService[];
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #isShared: boolean;
  readonly #isJoint: boolean;
  #isStopped = false;

  /** @throws OptionError if an option is invalid. */
  constructor(options: EdgeOptions, clock: Clock = systemClock) {
    const { options: common, sharePort, isJoint, repositories } = resolveEdge(options);
    this.options = common;
    this.#isShared = sharePort;
    this.#isJoint = isJoint;
    this.#log = options.log ?? silentLog;
    this.#clock = clock;
    this.services = repositories.map((one) => new EdgeService(one, clock, this.#log));
    // One token would open both.
    refuseTwice('token file', this.services, ({ files }) => files.tokenFile);
    this.#listener = new Listener({ ...common, sharePort }, this.services, clock, this.#log);
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
  async start(): Promise<Endpoint> {
    try {
      for (const service of this.services) service.readToken();
      await this.#listener.listenForProbes();
      if (this.#isJoint) await this.#startEach();
      else await this.bus.start();
      if (this.#isStopped) throw new Error('stopped before the records were complete');
      await this.#listener.listen();
      for (const service of this.services) {
        const { url } = service.publish(this.#listener, new Date(this.#clock.now()));
        service.log.info({ url, transport: this.transportName }, 'listening');
      }
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
    for (const { bus, log } of this.services) {
      bus.start().catch((error: unknown) => {
        log.error({ err: error }, 'this repository is not served: its start has failed');
      });
    }
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
   * @throws OptionError if a file holds no token, or the certificate and its key do not match; the first of them. What cannot be read stays
   *   as it was, and all else is read.
   */
  async reload(): Promise<void> {
    const errors: unknown[] = [];
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
}
