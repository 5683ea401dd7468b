import { CloseCode } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { OptionError } from '../config/option-error.js';
import { readTls } from '../config/tls-files.js';
import type { Limits, ResolvedOptions } from '../config/options.js';
import { RequestHandler } from './request-handler.js';
import type { ServedBus } from '../inspection/served-bus.js';
import { inUrl, isWildcard, LOOPBACK_HOSTS, reachedAt } from '../config/authority.js';
import { LoopDelay } from '../metrics/loop-delay.js';
import { chooseTransport } from './choose-transport.js';
import { drain, sendAway } from './drain.js';
import { metricsRoute } from './http/metrics.js';
import { answerProbe } from './http/probes.js';
import { JointReadiness, type ReadyPart } from './joint-readiness.js';
import { Mounts } from './mounts.js';
import { OverflowWarning } from './overflow-warning.js';
import { ProbeListener, probeNames, type ProbeOptions } from './probe-listener.js';
import { AccessPolicy } from './access-policy.js';
import { whyPortNotShared } from './shared-port.js';
import type { Transport } from './transport.js';

/** Added to the limit of the sessions, so that the engine never drops a frame that a session counts as sent. */
const NATIVE_HEADROOM_BYTES = 4_194_304;

/** How long a client is asked to wait before it connects again. It adds its own jitter. */
const RETRY_AFTER_SHUTDOWN_MS = 500;

export type ListenerOptions = ProbeOptions &
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
    | 'maxStalenessMs'
  > & {
    /** Whether other processes may listen on the same port; the kernel then spreads connections over all of them. */
    readonly sharePort?: boolean;
  };

/** A bus, and how it is served. */
export interface MountedBus {
  readonly bus: ServedBus;
  /** The path below which it is served, `/shop`; empty if it is the only one. */
  readonly path: string;
  readonly limits: Limits;
  /** What tells its metrics from those of the others. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Serves a bus on the network, or several. It joins the engine that listens, the access policies and the request handlers. */
export class Listener {
  readonly #mounts: Mounts;
  readonly #probes: ProbeListener;
  readonly #loopDelay = new LoopDelay();
  #transport: Transport | undefined;
  #port = 0;

  /** Another list after each change. */
  #buses: readonly MountedBus[] = [];
  /** What the engine was told of the limits of all buses, which holds for as long as it listens. */
  #most: Pick<Limits, 'maxPayloadBytes' | 'maxQueuedBytes'> = { maxPayloadBytes: Infinity, maxQueuedBytes: Infinity };

  constructor(
    private readonly options: ListenerOptions,
    buses: readonly MountedBus[],
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    const parts = (): ReadyPart[] =>
      this.#mounts.all.map(({ path, requests }) => ({ path, readiness: () => requests.readiness() }));
    const readiness = new JointReadiness(parts, clock, options.maxStalenessMs);
    const overflow = new OverflowWarning(options.limits.maxPendingConnections, clock, log);
    this.#mounts = new Mounts(readiness, overflow);
    for (const bus of buses) this.mount(bus);
    const probes = {
      metrics: metricsRoute(() => this.#buses, { limits: options.limits, loopDelay: this.#loopDelay }),
      hosts: probeNames(options.allowHosts),
      readiness: (path: string) => (path === '' ? readiness.reply('all') : readiness.replyOf(path)),
    };
    this.#probes = new ProbeListener(options, (request) => answerProbe(request, probes), log);
  }

  /** Serves one more bus, to which clients are let in by {@link admit}. @throws OptionError if the engine's bounds are too small for it. */
  mount(mounted: MountedBus): void {
    const { bus, path, limits } = mounted;
    this.checkLimits(mounted);
    this.#mounts.add({ path, requests: new RequestHandler(bus, limits, this.clock) });
    this.#buses = [...this.#buses, mounted];
  }

  /** @throws OptionError if the engine, which listens already, was started with smaller bounds than a bus needs. */
  checkLimits({ path, limits }: Pick<MountedBus, 'path' | 'limits'>): void {
    for (const name of ['maxPayloadBytes', 'maxQueuedBytes'] as const) {
      if (limits[name] <= this.#most[name]) continue;
      throw new OptionError(
        `the limit ${name} of ${path} is ${String(limits[name])}, and this server was started for at most ${String(this.#most[name])}: restart it`,
      );
    }
  }

  /** Ends the sessions of a bus, and serves it no longer. */
  unmount(path: string): void {
    this.#mounts.at(path).requests.stop();
    this.#mounts.remove(path);
    for (const { bus } of this.#buses.filter((one) => one.path === path)) {
      for (const session of [...bus.sessions]) sendAway(bus, session, 'this repository is no longer served here');
    }
    this.#buses = this.#buses.filter((one) => one.path !== path);
  }

  /** The engine in use; `undefined` before {@link check}. */
  get transportName(): string | undefined {
    return this.#transport?.name;
  }

  /**
   * Finds out what would keep this from listening: what the certificate, the engine or a shared port lacks. Called before anything is made
   * or changed on the disk.
   * @throws OptionError, Error if the engine that was asked for does not load.
   */
  check(): void {
    const { tls, transport, nativeEngineSha256, sharePort = false } = this.options;
    if (tls) readTls(tls);
    this.#transport = chooseTransport(transport, this.log, nativeEngineSha256);
    const obstacle = sharePort ? whyPortNotShared(this.#transport.name) : undefined;
    if (obstacle !== undefined) throw new OptionError(obstacle);
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
  async stopProbes(): Promise<void> {
    this.#loopDelay.stop();
    await this.#probes.stop();
  }

  /**
   * Starts to listen, after {@link check}. Clients are asked to come again until {@link admit}.
   * @throws Error with code EADDRINUSE if the port is taken.
   */
  async listen(): Promise<void> {
    const { options } = this;
    const most = (limit: 'maxPayloadBytes' | 'maxQueuedBytes'): number =>
      Math.max(...this.#buses.map(({ limits }) => limits[limit]));
    this.#most = { maxPayloadBytes: most('maxPayloadBytes'), maxQueuedBytes: most('maxQueuedBytes') };
    const transport = this.#transport!;
    this.#port = await transport.listen(
      {
        host: options.host,
        port: options.port,
        maxPayloadBytes: this.#most.maxPayloadBytes,
        maxBackpressureBytes: this.#most.maxQueuedBytes + NATIVE_HEADROOM_BYTES,
        idleTimeoutMs: options.idleTimeoutMs,
        maxPendingConnections: options.limits.maxPendingConnections,
        tls: options.tls,
        sharePort: options.sharePort ?? false,
      },
      this.#mounts,
    );
  }

  /** Accepts clients of a bus that have its token. @returns its url. */
  admit(token: string, path = ''): string {
    const { tls, allowHosts, allowOrigins } = this.options;
    // The access policy checks the port in Host, so it cannot be made before the port is known.
    this.#mounts.at(path).requests.start(
      new AccessPolicy({
        token,
        port: this.#port,
        scheme: tls ? 'https' : 'http',
        hosts: [...LOOPBACK_HOSTS, ...this.#ownName(), ...allowHosts],
        origins: allowOrigins,
      }),
    );
    return `${this.#url()}${path}`;
  }

  changeToken(token: string, path = ''): void {
    this.#mounts.at(path).requests.accessPolicy?.changeToken(token);
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
    this.#refuseNew();
    this.log.info({ connections: this.#connections(), over_ms: drainMs }, 'sending clients elsewhere');
    await Promise.all(this.#buses.map(({ bus }) => drain(bus, this.clock, drainMs)));
    this.log.info({ connections: this.#connections() }, 'clients were sent elsewhere');
  }

  /** Refuses new clients, and closes the connected ones with a reason that asks them to connect again later. */
  async stop(): Promise<void> {
    this.#refuseNew();
    await this.#transport?.stop(CloseCode.goingAway, `shutdown retry=${String(RETRY_AFTER_SHUTDOWN_MS)}`);
  }

  #refuseNew(): void {
    for (const { requests } of this.#mounts.all) requests.stop();
  }

  #connections(): number {
    return this.#buses.reduce((sum, { bus }) => sum + bus.connectionCount, 0);
  }

  /** The address that the engine listens on; none for a wildcard such as 0.0.0.0, which is no server's name. */
  #ownName(): string[] {
    return isWildcard(this.options.host) ? [] : [inUrl(this.options.host)];
  }

  #url(): string {
    const { host, tls } = this.options;
    // The address itself, not a name: a name could resolve to another server.
    return `${tls ? 'wss' : 'ws'}://${inUrl(reachedAt(host))}:${String(this.#port)}`;
  }
}
