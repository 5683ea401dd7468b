import { CloseCode, type Encoding, type WatchHealth } from '../protocol/index.js';
import type { Hub } from './delivery/hub.js';
import type { Session } from './sessions/session.js';
import type { Introspection } from './inspection/introspection.js';
import type { JournalHealth } from './journal/journal.js';
import type { LazyRegistry } from './metrics/registry.js';
import type { RelayStatus, ServedBus } from './inspection/served-bus.js';
import type { Readiness } from './runtime/readiness.js';
import { Traffic } from './metrics/traffic.js';
import type { SessionManager } from './session-manager.js';
import type { Supervisor } from './runtime/supervisor.js';
import type { Socket } from './delivery/port.js';
import type { Connection } from './sessions/connection.js';

/** The reason of a close. It asks clients to connect again at once, because the server then serves the new records. */
const RECONNECT_NOW = 'shutdown retry=50';

/** The common part of the buses that are served over a network: the one that watches a repository, and the one of an edge. */
export abstract class BusBase implements ServedBus {
  readonly traffic = new Traffic();
  /** `undefined` until the first records are complete. */
  protected service: SessionManager | undefined;

  /** Where unexpected errors end. */
  abstract readonly supervisor: Supervisor;
  abstract readonly health: WatchHealth;
  /** Whether published events will survive a restart. */
  abstract readonly journalHealth: JournalHealth;
  /** Whether the bus may be given clients. */
  abstract readonly readiness: Readiness;
  /** What the bus knows of its relay, for `/readyz`. */
  abstract readonly relayStatus: RelayStatus | undefined;

  /** Adds the metrics of the stream's source. */
  abstract describe(registry: LazyRegistry): void;

  /** @throws Error while the bus is not running. */
  get hub(): Hub {
    return this.running.hub;
  }

  /** @throws Error while the bus is not running. */
  get inspector(): Introspection {
    return this.running.inspector;
  }

  get isRunning(): boolean {
    return this.service !== undefined;
  }

  get sessions(): Iterable<Session> {
    return this.service?.sessions ?? [];
  }

  get connectionCount(): number {
    return this.service?.sessions.size ?? 0;
  }

  /** Reads all files now. Resolves when every change that was found has been published. */
  readNow(): Promise<void> {
    return this.running.readNow();
  }

  /** Adds an accepted connection. @throws Error while the bus is not running. */
  attach(socket: Socket, encoding: Encoding): Connection {
    return this.running.attach(socket, encoding);
  }

  /** Closes every connection, for example because the token they were accepted with is no longer valid. */
  disconnectAll(code: CloseCode, reason: string): void {
    this.service?.disconnectAll(code, reason);
  }

  /** Serves a stream from now on, in place of the one before. */
  protected serve(service: SessionManager): void {
    const before = this.service;
    this.service = service;
    service.start();
    // Cursors of the same epoch stay valid, so a client would keep records that no longer exist.
    before?.stop(before.hub.epoch === service.hub.epoch ? 'compacted' : undefined);
    before?.disconnectAll(CloseCode.goingAway, RECONNECT_NOW);
  }

  protected get running(): SessionManager {
    if (!this.service) throw new Error('the bus is not running');
    return this.service;
  }
}
