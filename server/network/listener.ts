import { CloseCode } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { ResolvedOptions } from '../config/options.js';
import { RequestHandler } from './request-handler.js';
import type { ServedBus } from '../inspection/served-bus.js';
import { inUrl, isWildcard, LOOPBACK_HOSTS, reachedAt } from '../config/authority.js';
import { chooseTransport } from './choose-transport.js';
import { drain } from './drain.js';
import { ProbeListener, probeNames, type ProbeOptions } from './probe-listener.js';
import { AccessPolicy } from './access-policy.js';
import type { Transport } from './transport.js';

/** Added to the limit of the sessions, so that the engine never drops a frame that a session counts as sent. */
const NATIVE_HEADROOM_BYTES = 4_194_304;

/** How long a client is asked to wait before it connects again. It adds its own jitter. */
const RETRY_AFTER_SHUTDOWN_MS = 500;

export type FrontOptions = ProbeOptions &
  Pick<
    ResolvedOptions,
    | 'host'
    | 'port'
    | 'transport'
    | 'nativeEngineSha256'
    | 'tls'
    | 'allowHosts'
    | 'allowOrigins'
    | 'limits'
    | 'idleTimeoutMs'
    | 'drainMs'
  > & {
    /** Whether other processes may listen on the same port; the kernel then spreads connections over all of them. */
    readonly sharePort?: boolean;
  };

/** Serves a bus on the network. It joins the engine that listens, the access policy and the request handler. */
export class Listener {
  readonly #requests: RequestHandler;
  readonly #probes: ProbeListener;
  #transport: Transport | undefined;

  constructor(
    private readonly options: FrontOptions,
    private readonly bus: ServedBus,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.#requests = new RequestHandler(bus, options.limits, clock, log, probeNames(options.allowHosts));
    this.#probes = new ProbeListener(options, this.#requests, log);
  }

  /** The engine in use; `undefined` until it listens. */
  get transportName(): string | undefined {
    return this.#transport?.name;
  }

  /**
   * Answers probes from now on, if they have a port. Called before anything that may take long.
   * @throws Error with code EADDRINUSE if the port is taken.
   */
  async listenForProbes(): Promise<void> {
    this.probePort = await this.#probes.listen();
  }

  /** The port of probes; `undefined` without one. */
  probePort: number | undefined;

  /** Ends the answers to probes, which come to the last. */
  stopProbes(): Promise<void> {
    return this.#probes.stop();
  }

  /**
   * Starts to listen, and accepts clients that have the token.
   * @returns the URL.
   * @throws Error with code EADDRINUSE if the port is taken.
   */
  async listen(token: string): Promise<string> {
    const { options } = this;
    const transport = chooseTransport(options.transport, this.log, options.nativeEngineSha256);
    const port = await transport.listen(
      {
        host: options.host,
        port: options.port,
        maxPayloadBytes: options.limits.maxPayloadBytes,
        maxBackpressureBytes: options.limits.maxQueuedBytes + NATIVE_HEADROOM_BYTES,
        idleTimeoutMs: options.idleTimeoutMs,
        maxPendingConnections: options.limits.maxPendingConnections,
        tls: options.tls,
        sharePort: options.sharePort ?? false,
      },
      this.#requests,
    );
    this.#transport = transport;
    // The access policy checks the port in Host, so it cannot be made before the port is known.
    this.#requests.start(
      new AccessPolicy({
        token,
        port,
        scheme: options.tls ? 'https' : 'http',
        hosts: [...LOOPBACK_HOSTS, ...this.#ownName(), ...options.allowHosts],
        origins: options.allowOrigins,
      }),
    );
    return this.#url(port);
  }

  changeToken(token: string): void {
    this.#requests.accessPolicy?.changeToken(token);
  }

  /** @throws OptionError if the certificate and its key do not match. The old ones stay in use. */
  async reloadTls(): Promise<void> {
    await this.#transport?.reloadTls();
    if (this.options.tls) this.log.info({}, 'certificate read again');
  }

  /**
   * Sends clients elsewhere: from now on the server is not ready and refuses new ones, and it ends the connected ones over `drainMs`. What
   * they are told until then is complete.
   */
  async drain(): Promise<void> {
    const { drainMs } = this.options;
    if (drainMs === 0) return;
    this.#requests.stop();
    this.log.info({ connections: this.bus.connectionCount, over_ms: drainMs }, 'sending clients elsewhere');
    await drain(this.bus, this.clock, drainMs);
    this.log.info({ connections: this.bus.connectionCount }, 'clients were sent elsewhere');
  }

  /** Refuses new clients, and closes the connected ones with a reason that asks them to connect again later. */
  async stop(): Promise<void> {
    this.#requests.stop();
    await this.#transport?.stop(CloseCode.goingAway, `shutdown retry=${String(RETRY_AFTER_SHUTDOWN_MS)}`);
  }

  /** The address that the engine listens on; none for a wildcard such as 0.0.0.0, which is no server's name. */
  #ownName(): string[] {
    return isWildcard(this.options.host) ? [] : [inUrl(this.options.host)];
  }

  #url(port: number): string {
    const { host, tls } = this.options;
    // The address itself, not a name: a name could resolve to another server.
    return `${tls ? 'wss' : 'ws'}://${inUrl(reachedAt(host))}:${String(port)}`;
  }
}
