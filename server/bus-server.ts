import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CloseCode } from '../protocol/index.js';
import { Bus } from './bus.js';
import { systemClock, type Clock } from './clock.js';
import { BusDir, type Endpoint } from './endpoint.js';
import { silentLog, type Log } from './log.js';
import { OptionError, resolveOptions, type ResolvedOptions, type ServerOptions } from './options.js';
import { RepositoryLock } from './repository-lock.js';
import { Reception } from './reception.js';
import { inUrl, isWildcard, LOOPBACK_HOSTS } from './transport/authority.js';
import { chooseTransport } from './transport/choose-transport.js';
import { Door } from './transport/door.js';
import type { Transport } from './transport/transport.js';
import { CoordinationDir } from './watch/coordination-dir.js';

/** What a client is told to wait before it connects again; it adds its own jitter. */
const RETRY_AFTER_SHUTDOWN_MS = 500;
/** Above the sessions' own limit, so that the engine never drops what a session counted as sent. */
const NATIVE_HEADROOM_BYTES = 4_194_304;

/** A bus on a port: `start` opens everything, `stop` closes it in reverse. */
export class BusServer {
  readonly options: ResolvedOptions;
  readonly bus: Bus;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #busDir: BusDir;
  readonly #dir: CoordinationDir;
  readonly #lock: RepositoryLock;
  readonly #reception: Reception;
  #transport: Transport | undefined;
  #endpoint: Endpoint | undefined;

  /** @throws OptionError where an option is outside its range. */
  constructor(options: ServerOptions, clock: Clock = systemClock) {
    this.options = resolveOptions({ ...options, root: resolve(options.root) });
    this.#log = options.log ?? silentLog;
    this.#clock = clock;
    this.bus = new Bus(this.options, clock, this.#log);
    this.#dir = new CoordinationDir(this.options.root);
    this.#busDir = new BusDir(this.#dir.bus);
    this.#lock = new RepositoryLock(this.#dir.bus);
    this.#reception = new Reception(this.bus, this.options.limits, clock, this.#log);
  }

  /** Where to connect and with which token; `undefined` until started. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** The engine in use; `undefined` until started. */
  get transportName(): string | undefined {
    return this.#transport?.name;
  }

  /**
   * Watches, reads, listens, and says so in `.muse/bus/endpoint.json`.
   * @throws OptionError, CoordinationDirError, LockError where another server has the repository, or Error with code
   *   EADDRINUSE
   */
  async start(): Promise<Endpoint> {
    const { options } = this;
    if (!existsSync(options.root)) throw new OptionError(`root ${options.root} does not exist`);
    this.#dir.ensure();
    this.#busDir.ensure();
    await this.#lock.acquire();
    try {
      // Left by a server that did not stop in order: its holder has lost the lock.
      this.#busDir.withdraw();
      await this.bus.start();
      return await this.#listen();
    } catch (error) {
      await this.bus.stop();
      await this.#lock.release();
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.#endpoint) this.#busDir.unpublish();
    const journalClosed = this.bus.stop();
    this.#reception.stop();
    await this.#transport?.stop(CloseCode.goingAway, `shutdown retry=${String(RETRY_AFTER_SHUTDOWN_MS)}`);
    await journalClosed;
    await this.#lock.release();
    this.#endpoint = undefined;
  }

  /** Makes another token; every session ends with 4401, because all of them were let in with the one before. */
  rotateToken(): Endpoint {
    return this.#changeToken(this.#busDir.newToken());
  }

  /**
   * Looks again at what may have been changed from outside while the server runs: the token's file, as `muse-bus token
   * rotate` does in another process, and the certificate. For SIGHUP.
   * @throws OptionError where the certificate does not fit; the old one stays in use.
   */
  async reload(): Promise<void> {
    const token = this.#busDir.token();
    if (this.#endpoint && token !== this.#endpoint.token) this.#changeToken(token);
    await this.reloadTls();
  }

  /** @throws OptionError where the certificate and its key do not fit; the old ones stay in use. */
  async reloadTls(): Promise<void> {
    await this.#transport?.reloadTls();
    if (this.options.tls) this.#log.info({}, 'certificate read again');
  }

  #changeToken(token: string): Endpoint {
    if (!this.#endpoint) throw new Error('the server has not been started');
    const { url, started_at } = this.#endpoint;
    this.#reception.door?.changeToken(token);
    this.#endpoint = this.#busDir.publish(url, token, new Date(started_at));
    this.bus.disconnectAll(CloseCode.unauthorized, 'the token has been changed');
    this.#log.info({}, 'token changed');
    return this.#endpoint;
  }

  async #listen(): Promise<Endpoint> {
    const { options } = this;
    const token = this.#busDir.token();
    const transport = await chooseTransport(options.transport, this.#log);
    const port = await transport.listen(
      {
        host: options.host,
        port: options.port,
        maxPayloadBytes: options.limits.maxPayloadBytes,
        maxBackpressureBytes: options.limits.maxQueuedBytes + NATIVE_HEADROOM_BYTES,
        idleTimeoutMs: options.idleTimeoutMs,
        maxPendingConnections: options.limits.maxPendingConnections,
        tls: options.tls,
      },
      this.#reception,
    );
    this.#transport = transport;
    // From the moment the port is known: a Host with another port is not ours.
    this.#reception.openDoor(
      new Door({
        token,
        port,
        scheme: options.tls ? 'https' : 'http',
        hosts: [...LOOPBACK_HOSTS, ...this.#ownName(), ...options.allowHosts],
        origins: options.allowOrigins,
      }),
    );
    this.#endpoint = this.#busDir.publish(this.#url(port), token, new Date(this.#clock.now()));
    this.#log.info({ url: this.#endpoint.url, transport: transport.name, pid: process.pid }, 'listening');
    return this.#endpoint;
  }

  /** The address it listens on, where that is somebody's name. */
  #ownName(): string[] {
    return isWildcard(this.options.host) ? [] : [inUrl(this.options.host)];
  }

  #url(port: number): string {
    const { host, tls } = this.options;
    const name = isWildcard(host) ? 'localhost' : inUrl(host);
    return `${tls ? 'wss' : 'ws'}://${name}:${String(port)}`;
  }
}
