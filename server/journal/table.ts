/** One entry to be put, or, if it has no value, to be removed. */
export interface TableChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** An ordered map of bytes in one file: all that the journal needs of a database. */
export interface Table {
  /** The entries whose key begins with this byte, in the order of their keys. */
  entries(prefix: number): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * Makes all of the changes or none, in another thread. Resolves when they would survive the end of the process and, if each
   * write is flushed, a power cut. Call again only then.
   * @throws Error if they could not be made; then the table can only be closed.
   */
  write(changes: readonly TableChange[]): Promise<void>;
  /** Closes the table. A second call does nothing more. */
  close(): Promise<void>;
}

/**
 * When the writes of a table are on the disk. `each`: when each write returns. `at the end`: after the table has been closed,
 * opened again and written to once more; for a new table that is not valid before it is complete.
 */
export type Flushing = 'each' | 'at the end';

/** Opens the table in a file, which is made if it is missing. @param flushing by default `each`. */
export type OpenTable = (path: string, flushing?: Flushing) => Promise<Table>;
