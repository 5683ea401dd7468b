import type { Encoding, WatchHealth } from '../protocol/index.js';
import type { Hub } from './delivery/hub.js';
import type { Session } from './delivery/session.js';
import type { Inspector } from './inspector.js';
import type { JournalHealth } from './journal/journal.js';
import type { LazyRegistry } from './metrics/registry.js';
import type { Traffic } from './metrics/traffic.js';
import type { Connection, Socket } from './transport/transport.js';

/** A bus as those see it who serve it over a network: the one that watches a repository, or the one that relays it. */
export interface ServedBus {
  /** @throws Error while the bus is not running. */
  readonly hub: Hub;
  /** @throws Error while the bus is not running. */
  readonly inspector: Inspector;
  readonly isRunning: boolean;
  readonly sessions: Iterable<Session>;
  readonly connectionCount: number;
  readonly health: WatchHealth;
  readonly journalHealth: JournalHealth;
  readonly traffic: Traffic;
  attach(socket: Socket, encoding: Encoding): Connection;
  /** Lets be seen what feeds the stream. */
  describe(registry: LazyRegistry): void;
}
