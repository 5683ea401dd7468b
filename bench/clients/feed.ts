/** One event as a client has decoded it. */
export interface Seen {
  readonly id: string;
  /** Whether the record is gone. */
  readonly isRemoved: boolean;
  /** The record's own number; `undefined` where the event carries no data. */
  readonly seq: number | undefined;
}

/** Where a client hears of changes. */
export type Source =
  | { readonly is: 'bus'; readonly url: string; readonly token: string }
  /** Each WebSocket message is one packed event and nothing else. */
  | { readonly is: 'packed'; readonly url: string }
  | { readonly is: 'model'; readonly script: string; readonly pollSeconds: number }
  | { readonly is: 'inotifywait' }
  | { readonly is: 'watchman' };

export type See = (seen: Seen) => void;
/** Opens a source; resolves when every later change will be seen; the result closes it. */
export type OpenFeed = (root: string, see: See) => Promise<() => void>;
