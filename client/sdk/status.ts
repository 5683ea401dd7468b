import type { WatchHealth } from '../../protocol/index.js';
import type { BusError } from './bus-error.js';

/** The state of a client's connection to its bus. */
export type BusStatus =
  /**
   * Not connected. `attempt` counts from 1 since the last live connection; `delayMs` is the wait before it, in milliseconds; `cause` is
   * why the last attempt or connection ended.
   */
  | { readonly state: 'connecting'; readonly attempt: number; readonly delayMs: number; readonly cause?: string }
  /**
   * Connected. `clockSkewMs`: the server's wall clock minus this host's, in milliseconds. `roundTripMs`: of the connection's first ping,
   * in milliseconds; 0 until its answer. `health`: how the server watches the files, from the last heartbeat. At an edge
   * `health.origin` is `away` while the edge receives nothing from its origin: the records may then be old.
   */
  | {
      readonly state: 'live';
      readonly roundTripMs: number;
      readonly clockSkewMs: number;
      readonly health?: WatchHealth;
    }
  /**
   * The connection is given up: no message within 2.5 heartbeat intervals, no welcome within 20 s, or events are missing (`cause`).
   * `since` in Unix milliseconds. The client then reconnects.
   */
  | { readonly state: 'stale'; readonly since: number; readonly cause: string }
  /** Closed for good; `error` is absent if the user closed the client. */
  | { readonly state: 'closed'; readonly error?: BusError };
