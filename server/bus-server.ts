import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CloseCode } from '../protocol/index.js';
import { Bus } from './bus.js';
import { systemClock, type Clock } from './clock.js';
import { BusDir, type Endpoint } from './endpoint.js';
import { answer, type HttpServices } from './http.js';
import { inspectorPages } from './inspector-pages.js';
import { silentLog, type Log } from './log.js';
import { OptionError, resolveOptions, type ResolvedOptions, type ServerOptions } from './options.js';
import { chooseTransport } from './transport/choose-transport.js';
import { Door, LOOPBACK_HOSTS } from './transport/door.js';
import type { RequestHead, Transport, Upgrade } from './transport/transport.js';
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
  #transport: Transport | undefined;
  /** From the moment the port is known: a Host with another port is not ours. */
  #http: HttpServices | undefined;
  #endpoint: Endpoint | undefined;

  /** @throws OptionError where an option is outside its range. */
  constructor(options: ServerOptions, clock: Clock = systemClock) {
    this.options = resolveOptions({ ...options, root: resolve(options.root) });
    this.#log = options.log ?? silentLog;
    this.#clock = clock;
    this.bus = new Bus(this.options, clock, this.#log);
    this.#busDir = new BusDir(new CoordinationDir(this.options.root).bus);
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
   * @throws OptionError, CoordinationDirError, or Error with code EADDRINUSE
   */
  async start(): Promise<Endpoint> {
    const { options } = this;
    if (!LOOPBACK.has(options.host)) {
      throw new OptionError(`host must be a loopback address, 127.0.0.1 or ::1, got ${options.host}`);
    }
    if (!existsSync(options.root)) throw new OptionError(`root ${options.root} does not exist`);
    await this.bus.start();
    try {
      return await this.#listen();
    } catch (error) {
      this.bus.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.#endpoint) this.#busDir.unpublish();
    this.bus.stop();
    await this.#transport?.stop(CloseCode.goingAway, `shutdown retry=${String(RETRY_AFTER_SHUTDOWN_MS)}`);
    this.#endpoint = undefined;
  }

  async #listen(): Promise<Endpoint> {
    const { options, bus } = this;
    this.#busDir.ensure();
    const token = this.#busDir.token();
    const transport = await chooseTransport(options.transport, this.#log);
    const port = await transport.listen(
      {
        host: options.host,
        port: options.port,
        maxPayloadBytes: options.limits.maxPayloadBytes,
        maxBackpressureBytes: options.limits.maxQueuedBytes + NATIVE_HEADROOM_BYTES,
        idleTimeoutMs: options.idleTimeoutMs,
      },
      {
        http: (request) => (this.#http ? answer(request, this.#http) : UNREADY),
        upgrade: (request) => this.#upgrade(request),
        open: (socket, encoding) => bus.attach(socket, encoding),
      },
    );
    this.#transport = transport;
    this.#http = {
      door: new Door({ token, port, hosts: LOOPBACK_HOSTS, origins: [] }),
      pages: inspectorPages(),
      health: () => ({ ...bus.health, revision: bus.hub.revision }),
      isReady: () => bus.isRunning,
    };
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    this.#endpoint = this.#busDir.publish(`ws://${host}:${String(port)}`, token, new Date(this.#clock.now()));
    this.#log.info({ url: this.#endpoint.url, transport: transport.name, pid: process.pid }, 'listening');
    return this.#endpoint;
  }

  #upgrade(request: RequestHead): Upgrade {
    if (!this.#http) return { accept: false, reply: UNREADY };
    if (this.bus.connectionCount >= this.options.limits.maxConnections) return { accept: false, reply: FULL };
    return this.#http.door.upgrade(request);
  }
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

const UNREADY = { status: 503, headers: { 'retry-after': '1' }, body: 'starting\n' };
const FULL = { status: 503, headers: { 'retry-after': '5' }, body: 'too many connections (max_connections)\n' };
