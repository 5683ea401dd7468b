import { CloseCode } from '../protocol/index.js';
import { systemClock, type Clock } from './runtime/clock.js';
import { Listener } from './network/listener.js';
import { silentLog, type Log } from './runtime/log.js';
import { checkOptionTypes, type OptionKind } from './config/option-types.js';
import {
  OptionError,
  resolveOptions,
  SERVER_OPTIONS,
  type ResolvedOptions,
  type ServerOptions,
} from './config/options.js';
import { EdgeBus } from './edge-bus.js';
import { EdgeFiles } from './relay/edge-files.js';
import type { RelayOptions } from './config/relay-options.js';
import type { Endpoint } from './repository/index.js';

type FromServer =
  | 'host'
  | 'port'
  | 'transport'
  | 'nativeEngineSha256'
  | 'heartbeatMs'
  | 'idleTimeoutMs'
  | 'allowOrigins'
  | 'allowHosts'
  | 'tlsCertFile'
  | 'tlsKeyFile'
  | 'insecure'
  | 'probePort'
  | 'probeHost'
  | 'maxStalenessMs'
  | 'drainMs'
  | 'limits'
  | 'log';

export interface EdgeOptions extends Pick<ServerOptions, FromServer> {
  /** The NATS server and repository that the origin publishes to. */
  readonly relay: RelayOptions;
  /** The file to which the edge writes its endpoint, as a server does in `.muse/bus/endpoint.json`. */
  readonly endpointFile: string;
  /** The file of its token. @default beside the endpoint's file, `….token` */
  readonly tokenFile?: string | undefined;
  /** Whether several edges of this host listen on the same port, each with its share of the connections. @default false */
  readonly sharePort?: boolean;
}

const EDGE_OPTIONS: Readonly<Record<keyof EdgeOptions, OptionKind>> = {
  host: SERVER_OPTIONS.host,
  port: SERVER_OPTIONS.port,
  transport: SERVER_OPTIONS.transport,
  nativeEngineSha256: SERVER_OPTIONS.nativeEngineSha256,
  heartbeatMs: SERVER_OPTIONS.heartbeatMs,
  idleTimeoutMs: SERVER_OPTIONS.idleTimeoutMs,
  allowOrigins: SERVER_OPTIONS.allowOrigins,
  allowHosts: SERVER_OPTIONS.allowHosts,
  tlsCertFile: SERVER_OPTIONS.tlsCertFile,
  tlsKeyFile: SERVER_OPTIONS.tlsKeyFile,
  insecure: SERVER_OPTIONS.insecure,
  probePort: SERVER_OPTIONS.probePort,
  probeHost: SERVER_OPTIONS.probeHost,
  maxStalenessMs: SERVER_OPTIONS.maxStalenessMs,
  drainMs: SERVER_OPTIONS.drainMs,
  limits: SERVER_OPTIONS.limits,
  log: SERVER_OPTIONS.log,
  relay: SERVER_OPTIONS.relay,
  endpointFile: 'text',
  tokenFile: 'text',
  sharePort: 'flag',
};

/** A bus on a port, without the repository's files. It serves what an origin publishes, in the same protocol. */
export class EdgeServer {
  readonly options: ResolvedOptions;
  readonly bus: EdgeBus;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #files: EdgeFiles;
  readonly #listener: Listener;
  readonly #isShared: boolean;
  #endpoint: Endpoint | undefined;
  #isStopped = false;

  /** @throws OptionError if an option is invalid. */
  constructor(options: EdgeOptions, clock: Clock = systemClock) {
    checkOptionTypes('an edge', options, EDGE_OPTIONS);
    const { endpointFile, tokenFile, sharePort = false, ...rest } = options;
    this.options = resolveOptions({ ...rest, root: '/' });
    this.#isShared = sharePort;
    if (this.#isShared && this.options.port === 0) {
      throw new OptionError('a shared port needs a number other than 0: give --port N with --share-port');
    }
    this.#log = options.log ?? silentLog;
    this.#clock = clock;
    this.bus = new EdgeBus(this.options.relay!, this.options, clock, this.#log);
    this.#files = new EdgeFiles(endpointFile, tokenFile);
    this.#listener = new Listener({ ...this.options, sharePort: this.#isShared }, this.bus, clock, this.#log);
  }

  /** The URL and the token for clients; `undefined` until started. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  get transportName(): string | undefined {
    return this.#listener.transportName;
  }

  /** The port of probes; `undefined` without one, or before the start. */
  get probePort(): number | undefined {
    return this.#listener.probePort;
  }

  /**
   * Resolves when the records are complete and clients are accepted, however long NATS and the origin take.
   * @throws OptionError, or Error with code EADDRINUSE if the port is taken.
   */
  async start(): Promise<Endpoint> {
    try {
      const token = this.#files.token();
      await this.#listener.listenForProbes();
      await this.bus.start();
      if (this.#isStopped) throw new Error('stopped before the records were complete');
      const url = await this.#listener.listen(token);
      this.#endpoint = this.#files.publish(url, token, new Date(this.#clock.now()));
      this.#log.info({ url, transport: this.transportName }, 'listening');
      return this.#endpoint;
    } catch (error) {
      await this.bus.stop();
      await this.#listener.stopProbes();
      throw error;
    }
  }

  /** Sends clients elsewhere over `drainMs`, before {@link stop}. Until then the edge follows the stream. */
  async drain(): Promise<void> {
    if (this.#endpoint) await this.#listener.drain();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    // If the port is shared, the file also leads to other edges, which may still run.
    if (this.#endpoint && !this.#isShared) this.#files.unpublish();
    const busStopped = this.bus.stop();
    await this.#listener.stop();
    await busStopped;
    await this.#listener.stopProbes();
    this.#endpoint = undefined;
  }

  /**
   * Reads the token's file again, and the certificate and its key. Sessions of another token end with 4401. For SIGHUP.
   * @throws OptionError if the file holds no token, or the certificate and its key do not match. The old ones stay in use.
   */
  async reload(): Promise<void> {
    const now = this.#endpoint;
    const token = now && this.#files.token();
    if (now && token !== undefined && token !== now.token) {
      this.#listener.changeToken(token);
      this.#endpoint = this.#files.publish(now.url, token, new Date(now.started_at));
      this.bus.disconnectAll(CloseCode.unauthorized, 'the token has been changed');
      this.#log.info({}, 'token changed');
    }
    await this.#listener.reloadTls();
  }
}
