import {
  BEGINNING,
  formatCursor,
  parseCursor,
  recordKey,
  type BusEvent,
  type RecordName,
} from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Update } from './update.js';

export interface EventReaderOptions {
  /** Returns whether an event is shown. @default shows all */
  readonly where?: ((event: BusEvent) => boolean) | undefined;
  /** The number of shown events after which the reader ends. @default Infinity */
  readonly limit?: number;
  /** Whether the events name every record, from the first snapshot on. Otherwise the reader must fail at a resync. */
  readonly knowsRecords: boolean;
}

/** The records that exist according to the events shown so far. `before`: those before the snapshot that is being received. */
type Standing =
  | { readonly at: 'known'; readonly records: Map<string, RecordName> }
  | { readonly at: 'restarted'; readonly records: Map<string, RecordName>; readonly before: Map<string, RecordName> };

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Reads only the events of a subscription, for one reader. A resync itself is not an event. So when the new snapshot is complete, the
 * reader adds an event `removed` with `observed: 'resync'` for each record that existed before and is not in the snapshot.
 */
export class EventReader implements AsyncGenerator<BusEvent, void, undefined> {
  #standing: Standing = { at: 'known', records: new Map() };
  /** Added removals, returned before the next update is read. */
  #found: BusEvent[] = [];
  #left: number;
  #isOver = false;
  /** The last call of `next`: a new call waits for it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly updates: AsyncGenerator<Update, void, undefined>,
    /** Returns version and time for an added removal: the time of the discovery, because the time of the removal is not known. */
    private readonly stamp: () => Pick<BusEvent, 'schema_version' | 'timestamp'>,
    private readonly options: EventReaderOptions,
  ) {
    this.#left = options.limit ?? Infinity;
  }

  next(): Promise<IteratorResult<BusEvent, undefined>> {
    const next = this.#last.then(() => this.#next());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#isOver = true;
    await this.updates.return();
    return DONE;
  }

  async throw(error: unknown): Promise<IteratorReturnResult<undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #next(): Promise<IteratorResult<BusEvent, undefined>> {
    try {
      if (this.#left === 0) await this.return();
      for (;;) {
        if (this.#isOver) return DONE;
        const event = this.#found.shift() ?? (await this.#read());
        if (event === 'end') return DONE;
        if (event === 'none' || this.options.where?.(event) === false) continue;
        this.#left--;
        return { done: false, value: event };
      }
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async #read(): Promise<BusEvent | 'none' | 'end'> {
    const { done, value: update } = await this.updates.next();
    if (done === true) {
      this.#isOver = true;
      return 'end';
    }
    switch (update.type) {
      case 'event':
        this.#note(update.event);
        return update.event;
      case 'resync':
        this.#beginAnew(update.reason);
        return 'none';
      case 'synced':
        this.#complete(update.cursor);
        return 'none';
    }
  }

  #note({ kind, id, event_type }: BusEvent): void {
    if (!this.options.knowsRecords) return;
    const { records } = this.#standing;
    if (event_type === 'removed') records.delete(recordKey(kind, id));
    else records.set(recordKey(kind, id), { kind, id });
  }

  #beginAnew(reason: string): void {
    if (!this.options.knowsRecords) {
      const text = `what happened meanwhile is gone from the server's history (${reason})`;
      throw new BusError(
        'resync',
        text,
        "read updates(), which show it; or subscribe with snapshot: 'full', without since",
      );
    }
    const { records } = this.#standing;
    // A broken snapshot has shown only some records. The records from before it may still have to be removed.
    const before = this.#standing.at === 'restarted' ? new Map([...this.#standing.before, ...records]) : records;
    this.#standing = { at: 'restarted', records: new Map(), before };
  }

  #complete(cursor: string): void {
    if (this.#standing.at !== 'restarted') return;
    const { before, records } = this.#standing;
    this.#standing = { at: 'known', records };
    const gone = [...before].filter(([key]) => !records.has(key)).map(([, record]) => record);
    this.#found = gone.map((record, i) => this.#removal(record, cursor, i === gone.length - 1));
  }

  #removal({ kind, id }: RecordName, syncedAt: string, isLast: boolean): BusEvent {
    const { epoch, revision } = parseCursor(syncedAt)!;
    const { schema_version, timestamp } = this.stamp();
    return {
      schema_version,
      event_type: 'removed',
      kind,
      id,
      timestamp,
      data: {},
      revision,
      cursor: isLast ? syncedAt : formatCursor({ epoch, revision: BEGINNING }),
      observed: 'resync',
    };
  }
}
