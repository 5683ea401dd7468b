import type { Unseen } from '../../sdk/unseen.js';

/** The state of the inspector's connection to its bus. It decides which empty state the page shows, if any. */
export type ConnectionState =
  | { readonly state: 'connecting' }
  /** There is no token in the address, and none is kept for this tab. */
  | { readonly state: 'no-token' }
  /** The server answers and refuses the token. */
  | { readonly state: 'refused' }
  /** The snapshot is being received. */
  | { readonly state: 'loading'; readonly records: number }
  | {
      readonly state: 'live';
      readonly resync: ResyncNotice | undefined;
      readonly roundTripMs: number;
      /** How far the server's clock is ahead of this browser's; negative if it is behind. All times shown are the server's. */
      readonly skewMs: number;
      /** The server does not see all files, so what it has sent may be old. */
      readonly unseen: Unseen | undefined;
      readonly server: ServerFacts;
    }
  /** The connection was lost; the page shows the last known state. */
  | { readonly state: 'lost'; readonly sinceMs: number; readonly attempt: number; readonly cause: string }
  /** A file is replayed instead of a bus. */
  | { readonly state: 'file'; readonly name: string; readonly events: number; readonly badLines: number };

export interface ResyncNotice {
  readonly reason: string;
  readonly atMs: number;
}

export interface ServerFacts {
  readonly version: string;
  readonly epoch: string;
  readonly backend: string;
}

/** Whether what is shown may be known no more: the bus cannot be reached, or does not see all files itself. */
export const isUncertain = (connection: ConnectionState): boolean =>
  connection.state === 'lost' || (connection.state === 'live' && connection.unseen !== undefined);

/** The time after which nothing is known of the swarm. `undefined` while the bus tells what changes. */
export function lastKnownMs(connection: ConnectionState): number | undefined {
  if (connection.state === 'lost') return connection.sinceMs;
  return connection.state === 'live' && connection.unseen?.isAll ? connection.unseen.sinceMs : undefined;
}
