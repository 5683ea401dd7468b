/** One event as a client has decoded it. */
export interface Seen {
  readonly id: string;
  /** Whether the record was removed. */
  readonly isRemoved: boolean;
  /** The record's own number; `undefined` if the event carries no data. */
  readonly seq: number | undefined;
}

/** The server from which a client receives changes. */
export type Source =
  | { readonly is: 'bus'; readonly url: string; readonly token: string }
  /** Each WebSocket message is one packed event and nothing else. */
  | { readonly is: 'packed'; readonly url: string }
  | { readonly is: 'model'; readonly script: string; readonly pollSeconds: number }
  | { readonly is: 'inotifywait' }
  | { readonly is: 'watchman' };

export type See = (seen: Seen) => void;
/** Opens a source. Resolves, when every later change will be seen, to a function that closes it. */
export type OpenFeed = (root: string, see: See) => Promise<() => void>;
