import type { Encoding } from '../protocol/index.js';
import type { Bus } from './bus.js';
import type { Clock } from './clock.js';
import { answer, type Page } from './http.js';
import { inspectorPages } from './inspector-pages.js';
import type { Log } from './log.js';
import type { Limits } from './options.js';
import type { Door } from './transport/door.js';
import { refusal } from './transport/door.js';
import { secured } from './transport/secured.js';
import { RefusalRate } from './transport/refusal-rate.js';
import type { Connection, HttpReply, RequestHead, Socket, TransportHandlers, Upgrade } from './transport/transport.js';

/** A warning about connections is not repeated sooner. */
const WARN_EVERY_MS = 60_000;

/**
 * What stands between a transport and the bus: every request and every connection passes here, refusals are counted,
 * and whatever fails is logged and answered without a word of how.
 */
export class Reception implements TransportHandlers {
  readonly #refusals: RefusalRate;
  readonly #pages: ReadonlyMap<string, Page> = inspectorPages();
  #door: Door | undefined;
  #warnedAt = -WARN_EVERY_MS;

  constructor(
    private readonly bus: Bus,
    private readonly limits: Limits,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.#refusals = new RefusalRate(limits.maxRefusalsPerSecond, clock);
  }

  /** Until there is a door everyone is asked to come back. */
  openDoor(door: Door): void {
    this.#door = door;
  }

  get door(): Door | undefined {
    return this.#door;
  }

  http(request: RequestHead): HttpReply {
    return this.#guarded(() => {
      const { bus } = this;
      if (!this.#door) return UNREADY;
      const reply = answer(request, {
        door: this.#door,
        pages: this.#pages,
        health: () => ({ ...bus.health, revision: bus.hub.revision, journal: bus.journalHealth }),
        isReady: () => bus.isRunning,
      });
      return this.#counted(request, reply);
    }, FAILED);
  }

  upgrade(request: RequestHead): Upgrade {
    const refused = (reply: HttpReply): Upgrade => ({ accept: false, reply: secured(reply) });
    return this.#guarded(() => {
      if (!this.#door) return refused(UNREADY);
      const upgrade = this.#door.upgrade(request);
      if (!upgrade.accept) return refused(this.#counted(request, upgrade.reply));
      return this.bus.connectionCount < this.limits.maxConnections ? upgrade : refused(this.#full());
    }, refused(FAILED));
  }

  open(socket: Socket, encoding: Encoding): Connection {
    return this.bus.attach(socket, encoding);
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

  #counted(request: RequestHead, reply: HttpReply): HttpReply {
    const isRefusal = reply.status === 401 || reply.status === 403;
    if (!isRefusal || !this.#refusals.isBeyond(request.remoteAddress)) return reply;
    const most = `at most ${String(this.limits.maxRefusalsPerSecond)} (max_refusals_per_second)`;
    const why = `too many refused requests from this address in one second; ${most}`;
    return secured(refusal(429, why, { 'retry-after': '1', connection: 'close' }));
  }

  #full(): HttpReply {
    const most = `at most ${String(this.limits.maxConnections)} (max_connections)`;
    return refusal(503, `too many connections; ${most}`, { 'retry-after': '5' });
  }

  /** An exception that leaves a handler would end the process with a native engine, and show its stack with another. */
  #guarded<T>(attempt: () => T, otherwise: T): T {
    try {
      return attempt();
    } catch (error) {
      this.log.error({ err: error }, 'a request failed');
      return otherwise;
    }
  }
}

const UNREADY = secured(refusal(503, 'starting', { 'retry-after': '1' }));
const FAILED = secured(refusal(500, 'the server failed on this request; its log says how'));
