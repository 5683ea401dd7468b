/** One entry to be put, or, where there is no value, to be removed. */
export interface TableChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** An ordered map of bytes in one file: all that the journal asks of a database. */
export interface Table {
  /** The entries whose key begins with this byte, in the order of their keys. */
  entries(prefix: number): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * Makes all of the changes or none, off the caller's thread.
   * @returns when they would survive the death of the process and, where each is flushed, a power cut. Call again only then.
   * @throws Error where they could not be made; the table is then good for nothing but closing.
   */
  write(changes: readonly TableChange[]): Promise<void>;
  /** A second time does nothing. */
  close(): Promise<void>;
}

/**
 * When a table's writings are on the disk: each when it returns, or, for a table that counts only once it is full, all of
 * them after it has been closed, opened anew and written to once more.
 */
export type Flushing = 'each' | 'at the end';

/** Opens the table in a file, which is made where there is none. @param flushing by default `each`. */
export type OpenTable = (path: string, flushing?: Flushing) => Promise<Table>;
