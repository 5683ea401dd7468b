import { CloseCode, type Encoding } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { answer, STARTING, type Page } from './http/answer.js';
import { ConnectionSlots } from './http/connection-slots.js';
import { eventsRoute } from './http/events.js';
import { holdersRoute } from './http/holders.js';
import { inspectorPages } from './http/inspector-pages.js';
import { metricsRoute } from './http/metrics.js';
import type { ReadinessReport } from './http/readiness.js';
import { recordsRoute } from './http/records.js';
import type { Route, RouteServices } from './http/route.js';
import { unready } from '../runtime/readiness.js';
import { LoopDelay } from '../metrics/loop-delay.js';
import type { Limits } from '../config/options.js';
import type { ServedBus } from '../inspection/served-bus.js';
import type { AccessPolicy } from './access-policy.js';
import { withSecurityHeaders } from './security-headers.js';
import { RefusalRate } from './refusal-rate.js';
import type { Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';
import type { HttpAnswer, HttpReply, RequestHead, SocketOwner, Upgrade } from './transport.js';
import { text } from './reply.js';

/** What the token opens. */
function tokenRoutes(services: RouteServices): ReadonlyMap<string, Route> {
  const measured = [{ bus: services.bus, labels: {} }];
  return new Map([
    ['/records', recordsRoute(services)],
    ['/holders', holdersRoute(services)],
    ['/events', eventsRoute(services)],
    ['/metrics', metricsRoute(() => measured, services)],
  ]);
}

/**
 * Handles the requests and connections of one bus. It counts refusals. If a request fails with an exception, it logs
 * the exception and sends an answer without any detail of it.
 */
export class RequestHandler implements SocketOwner {
  readonly #refusals: RefusalRate;
  readonly #pages: ReadonlyMap<string, Page> = inspectorPages();
  readonly #slots: ConnectionSlots;
  readonly #loopDelay = new LoopDelay();
  readonly #routes: ReadonlyMap<string, Route>;
  #accessPolicy: AccessPolicy | undefined;
  #isStopping = false;

  constructor(
    private readonly bus: ServedBus,
    private readonly limits: Limits,
    clock: Clock,
  ) {
    this.#refusals = new RefusalRate(limits.maxRefusalsPerSecond, clock);
    this.#slots = new ConnectionSlots(() => bus.connectionCount, limits.maxConnections);
    const services = { bus, limits, clock, slots: this.#slots, loopDelay: this.#loopDelay };
    this.#routes = tokenRoutes(services);
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
        isRunning: this.bus.isRunning,
        readiness: () => this.readiness(),
      });
      return this.#counted(request, reply);
    }, FAILED);
  }

  readiness(): ReadinessReport {
    const { bus } = this;
    const readiness = this.#isStopping ? unready('the server is stopping') : bus.readiness;
    const served = bus.isRunning ? { revision: bus.hub.revision } : {};
    const relay = bus.relayStatus;
    const known = { ...bus.health, ...served, journal: bus.journalHealth, ...(relay ? { relay } : {}) };
    return { readiness, known };
  }

  upgrade(request: RequestHead): Upgrade {
    const refused = (reply: HttpReply): Upgrade => ({ accept: false, reply: withSecurityHeaders(reply) });
    return this.#guarded<Upgrade>(() => {
      if (!this.#accessPolicy) return refused(UNREADY);
      if (this.#isStopping) return refused(STOPPING);
      const upgrade = this.#accessPolicy.upgrade(request);
      if (!upgrade.accept) return refused(this.#counted(request, upgrade.reply));
      if (!this.bus.isRunning) return refused(UNREADY);
      return this.#slots.isFree() ? { ...upgrade, owner: this } : refused(this.#slots.refusal());
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

  #counted<T extends HttpAnswer>(request: RequestHead, reply: T): T | HttpReply {
    const isRefusal = reply.status === 401 || reply.status === 403;
    if (!isRefusal || !this.#refusals.countRefusal(request.remoteAddress)) return reply;
    const most = `at most ${String(this.limits.maxRefusalsPerSecond)} (max_refusals_per_second)`;
    const why = `too many refused requests from this address in one second; ${most}`;
    return withSecurityHeaders(text(429, why, { 'retry-after': '1', connection: 'close' }));
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

const UNREADY = withSecurityHeaders(STARTING);
const STOPPING = withSecurityHeaders(text(503, 'stopping', { 'retry-after': '1', connection: 'close' }));
const FAILED = withSecurityHeaders(text(500, 'the server failed on this request; its log says how'));
const UPGRADE_FAILED: Upgrade = { accept: false, reply: FAILED };
