import { CloseCode, type Encoding } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { answer, type Page } from './http/answer.js';
import { ConnectionSlots } from './http/connection-slots.js';
import { eventsRoute } from './http/events.js';
import { holdersRoute } from './http/holders.js';
import { inspectorPages } from './http/inspector-pages.js';
import { metricsRoute } from './http/metrics.js';
import { answerProbe } from './http/probes.js';
import type { ReadinessReport } from './http/readiness.js';
import { recordsRoute } from './http/records.js';
import type { Route, RouteServices } from './http/route.js';
import type { Log } from '../runtime/log.js';
import { unready } from '../runtime/readiness.js';
import { LoopDelay } from '../metrics/loop-delay.js';
import type { Limits } from '../config/options.js';
import type { ServedBus } from '../inspection/served-bus.js';
import type { AccessPolicy } from './access-policy.js';
import { refusal } from './refusal.js';
import { withSecurityHeaders } from './security-headers.js';
import { RefusalRate } from './refusal-rate.js';
import type { Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';
import type { HttpAnswer, HttpReply, RequestHead, TransportHandlers, Upgrade } from './transport.js';

/** The warning about unauthenticated connections is logged at most once in this time. */
const WARN_EVERY_MS = 60_000;

/** What the token opens. */
function tokenRoutes(services: RouteServices, metrics: Route): ReadonlyMap<string, Route> {
  return new Map([
    ['/records', recordsRoute(services)],
    ['/holders', holdersRoute(services)],
    ['/events', eventsRoute(services)],
    ['/metrics', metrics],
  ]);
}

/**
 * Handles every request and connection between a transport and the bus. It counts refusals. If a request fails with an exception, it logs
 * the exception and sends an answer without any detail of it.
 */
export class RequestHandler implements TransportHandlers {
  readonly #refusals: RefusalRate;
  readonly #pages: ReadonlyMap<string, Page> = inspectorPages();
  readonly #slots: ConnectionSlots;
  readonly #loopDelay = new LoopDelay();
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #metrics: Route;
  #accessPolicy: AccessPolicy | undefined;
  #isStopping = false;
  #warnedAt = -WARN_EVERY_MS;

  constructor(
    private readonly bus: ServedBus,
    private readonly limits: Limits,
    private readonly clock: Clock,
    private readonly log: Log,
    /** Names that a probe may use for this server, beside addresses. */
    private readonly probeHosts: readonly string[] = [],
  ) {
    this.#refusals = new RefusalRate(limits.maxRefusalsPerSecond, clock);
    this.#slots = new ConnectionSlots(() => bus.connectionCount, limits.maxConnections);
    const services = { bus, limits, clock, slots: this.#slots, loopDelay: this.#loopDelay };
    this.#metrics = metricsRoute(services);
    this.#routes = tokenRoutes(services, this.#metrics);
  }

  /** Starts to serve requests. Before this call every request is answered with 503 and a `retry-after`. */
  start(accessPolicy: AccessPolicy): void {
    this.#accessPolicy = accessPolicy;
  }

  get accessPolicy(): AccessPolicy | undefined {
    return this.#accessPolicy;
  }

  /** Refuses new WebSockets. HTTP requests are still answered; `/readyz` says that the server is not ready. */
  stop(): void {
    this.#isStopping = true;
    this.#loopDelay.stop();
  }

  http(request: RequestHead): HttpAnswer {
    return this.#guarded<HttpAnswer>(() => {
      if (!this.#accessPolicy) return UNREADY;
      const reply = answer(request, {
        accessPolicy: this.#accessPolicy,
        pages: this.#pages,
        routes: this.#routes,
        readiness: () => this.#readiness(),
      });
      return this.#counted(request, reply);
    }, FAILED);
  }

  /** Answers a request on the port of probes. It needs no token, and is answered from the start to the end of the process. */
  probe(request: RequestHead): HttpAnswer {
    const services = { readiness: () => this.#readiness(), metrics: this.#metrics, hosts: this.probeHosts };
    return this.#guarded<HttpAnswer>(() => answerProbe(request, services), FAILED);
  }

  #readiness(): ReadinessReport {
    const { bus } = this;
    const readiness = this.#isStopping ? unready('the server is stopping') : bus.readiness;
    const served = bus.isRunning ? { revision: bus.hub.revision } : {};
    const relay = bus.relayStatus;
    const known = { ...bus.health, ...served, journal: bus.journalHealth, ...(relay ? { relay } : {}) };
    return { readiness, known };
  }

  upgrade(request: RequestHead): Upgrade {
    const refused = (reply: HttpReply): Upgrade => ({ accept: false, reply: withSecurityHeaders(reply) });
    return this.#guarded(() => {
      if (!this.#accessPolicy) return refused(UNREADY);
      if (this.#isStopping) return refused(STOPPING);
      const upgrade = this.#accessPolicy.upgrade(request);
      if (!upgrade.accept) return refused(this.#counted(request, upgrade.reply));
      return this.#slots.isFree() ? upgrade : refused(this.#slots.refusal());
    }, UPGRADE_FAILED);
  }

  open(socket: Socket, encoding: Encoding): Connection {
    try {
      return this.bus.attach(socket, encoding);
    } catch (error) {
      this.bus.supervisor.report('a new connection', error);
      this.bus.supervisor.contain('ending a connection', () => {
        socket.close(CloseCode.internal, 'the server failed on this connection; its log says how');
      });
      return NOBODY;
    }
  }

  pendingOverflow(remoteAddress: string): void {
    const now = this.clock.elapsed();
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    this.log.warn(
      { address: remoteAddress, max_pending_connections: this.limits.maxPendingConnections },
      'connections closed: too many that have not been let in',
    );
  }

  #counted<T extends HttpAnswer>(request: RequestHead, reply: T): T | HttpReply {
    const isRefusal = reply.status === 401 || reply.status === 403;
    if (!isRefusal || !this.#refusals.isBeyond(request.remoteAddress)) return reply;
    const most = `at most ${String(this.limits.maxRefusalsPerSecond)} (max_refusals_per_second)`;
    const why = `too many refused requests from this address in one second; ${most}`;
    return withSecurityHeaders(refusal(429, why, { 'retry-after': '1', connection: 'close' }));
  }

  /** Catches every exception: one that leaves a handler would end the process with the native engine, and send its stack with the other. */
  #guarded<T>(attempt: () => T, otherwise: T): T {
    try {
      return attempt();
    } catch (error) {
      this.bus.supervisor.report('a request failed', error);
      return otherwise;
    }
  }
}

const nothing = (): void => undefined;

/** The connection of a socket that has no session: it ignores everything. */
const NOBODY: Connection = { message: nothing, control: nothing, drained: nothing, closed: nothing };

const UNREADY = withSecurityHeaders(refusal(503, 'starting', { 'retry-after': '1' }));
const STOPPING = withSecurityHeaders(refusal(503, 'stopping', { 'retry-after': '1', connection: 'close' }));
const FAILED = withSecurityHeaders(refusal(500, 'the server failed on this request; its log says how'));
const UPGRADE_FAILED: Upgrade = { accept: false, reply: FAILED };
