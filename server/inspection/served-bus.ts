import type { Encoding, WatchHealth } from '../../protocol/index.js';
import type { Hub } from '../delivery/hub.js';
import type { Socket } from '../delivery/port.js';
import type { JournalHealth } from '../journal/journal.js';
import type { LazyRegistry } from '../metrics/registry.js';
import type { Traffic } from '../metrics/traffic.js';
import type { Readiness } from '../runtime/readiness.js';
import type { Supervision } from '../runtime/supervisor.js';
import type { Connection } from '../sessions/connection.js';
import type { Session } from '../sessions/session.js';
import type { Introspection } from './introspection.js';

/** The relay as `/readyz` shows it. */
export interface RelayStatus {
  readonly state: string;
  /** Why nothing is published, or the stream is not followed; missing while it is. */
  readonly why?: string;
  /** The sequence in the stream of the last message that was stored, or read. */
  readonly sequence: number;
  /** Events that NATS does not have yet; at an edge, those that are known and have not arrived. */
  readonly behind: number;
  /** At an edge: how old the records may be, seconds; `null` while that is not known. */
  readonly staleness_s?: number | null;
  /** At an edge: whether only messages that the origin has signed are accepted. */
  readonly signed?: boolean;
  /** At an origin: the key that its messages are checked with. */
  readonly public_key?: string;
}

/** A bus as the network room and the metrics see it. */
export interface ServedBus {
  readonly traffic: Traffic;
  readonly health: WatchHealth;
  /** Whether published events will survive a restart. */
  readonly journalHealth: JournalHealth;
  /** Where unexpected errors end. */
  readonly supervisor: Supervision & { readonly count: number };
  readonly isRunning: boolean;
  /** Whether the bus may be given clients. */
  readonly readiness: Readiness;
  /** What the bus knows of its relay, for `/readyz`; `undefined` without one. It holds nothing that needs a token. */
  readonly relayStatus: RelayStatus | undefined;
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
