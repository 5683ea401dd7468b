import type { WatchHealth } from '../../protocol/index.js';
import type { BusError } from './bus-error.js';

/** How a client stands with its bus. */
export type BusStatus =
  /** `attempt` counts from 1 since the last live connection; `delayMs` is the wait before it. */
  | { readonly state: 'connecting'; readonly attempt: number; readonly delayMs: number; readonly cause?: string }
  /**
   * `clockSkewMs`: the server's wall clock less ours; `roundTripMs` of the first ping, 0 until it is back; `health`: how
   * the files are watched, as the last heartbeat says. At an edge `health.origin` is `away` while nothing is heard of the
   * server that has the files: what is known then may be old.
   */
  | {
      readonly state: 'live';
      readonly roundTripMs: number;
      readonly clockSkewMs: number;
      readonly health?: WatchHealth;
    }
  /** Nothing has come for longer than heartbeats allow. `since` in Unix milliseconds. */
  | { readonly state: 'stale'; readonly since: number; readonly cause: string }
  | { readonly state: 'closed'; readonly error?: BusError };
