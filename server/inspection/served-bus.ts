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

/** A bus as seen from a network: whoever serves it, or reports on it, knows no more of it. */
export interface ServedBus {
  readonly traffic: Traffic;
  readonly health: WatchHealth;
  /** Whether what is published will survive a restart. */
  readonly journalHealth: JournalHealth;
  /** Where errors end that nobody has foreseen. */
  readonly supervisor: Supervision & { readonly count: number };
  readonly isRunning: boolean;
  readonly connectionCount: number;
  readonly sessions: Iterable<Session>;
  /** @throws Error while the bus is not running. */
  readonly hub: Hub;
  /** @throws Error while the bus is not running. */
  readonly inspector: Introspection;
  /** A new connection that has been let in. @throws Error while the bus is not running. */
  attach(socket: Socket, encoding: Encoding): Connection;
  /** Takes in everything as it is now; resolves when that has been published. */
  readNow(): Promise<void>;
  /** Adds metrics of what feeds the stream. */
  describe(registry: LazyRegistry): void;
}
