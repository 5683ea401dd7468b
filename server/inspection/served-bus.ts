import type { Encoding, WatchHealth } from '../../protocol/index.js';
import type { Hub } from '../delivery/hub.js';
import type { Socket } from '../delivery/port.js';
import type { JournalHealth } from '../journal/journal.js';
import type { LazyRegistry } from '../metrics/registry.js';
import type { Traffic } from '../metrics/traffic.js';
import type { Supervision } from '../runtime/supervisor.js';
import type { Connection } from '../sessions/connection.js';
import type { Session } from '../sessions/session.js';
import type { Introspection } from './introspection.js';

/** A bus as the network room and the metrics see it. */
export interface ServedBus {
  readonly traffic: Traffic;
  readonly health: WatchHealth;
  /** Whether published events will survive a restart. */
  readonly journalHealth: JournalHealth;
  /** Where unexpected errors end. */
  readonly supervisor: Supervision & { readonly count: number };
  readonly isRunning: boolean;
  readonly connectionCount: number;
  readonly sessions: Iterable<Session>;
  /** @throws Error while the bus is not running. */
  readonly hub: Hub;
  /** @throws Error while the bus is not running. */
  readonly inspector: Introspection;
  /** Adds an accepted connection. @throws Error while the bus is not running. */
  attach(socket: Socket, encoding: Encoding): Connection;
  /** Reads all files now. Resolves when every change that was found has been published. */
  readNow(): Promise<void>;
  /** Adds the metrics of the stream's source. */
  describe(registry: LazyRegistry): void;
}
