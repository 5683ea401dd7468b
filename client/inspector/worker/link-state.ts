/** How the inspector stands with its bus, and so which face it shows. */
export type LinkState =
  | { readonly state: 'connecting' }
  /** No token in the address and none kept for the tab. */
  | { readonly state: 'no-token' }
  /** The server answers, and does not let us in. */
  | { readonly state: 'refused' }
  /** The snapshot is on its way. */
  | { readonly state: 'loading'; readonly records: number }
  | {
      readonly state: 'live';
      readonly resync: ResyncNotice | undefined;
      readonly roundTripMs: number;
      readonly server: ServerFacts;
    }
  /** The connection broke; what is shown is what was last known. */
  | { readonly state: 'lost'; readonly sinceMs: number; readonly attempt: number; readonly cause: string }
  /** A file is shown instead of a bus. */
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
