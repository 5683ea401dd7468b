import { BEGINNING, formatCursor, parseCursor, type BusEvent, type Kind } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Update } from './update.js';

export interface EventReaderOptions {
  /** Events that it refuses are passed over. */
  readonly where?: ((event: BusEvent) => boolean) | undefined;
  /** End after so many events. @default Infinity */
  readonly limit?: number;
  /** Whether a new snapshot shows what stands; where not, a reader cannot be made right again after a resync. */
  readonly hasSnapshot: boolean;
}

interface Key {
  readonly kind: Kind;
  readonly id: string;
}

/** What the reader has been told stands, and, while a new snapshot comes in, what it was told before. */
type Standing =
  | { readonly at: 'known'; readonly records: Map<string, Key> }
  | { readonly at: 'anew'; readonly records: Map<string, Key>; readonly before: Map<string, Key> };

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The events alone. What a resync hides from those who read only events it makes good: when the new snapshot is complete,
 * what had stood and is not in it is told as `removed`, `observed: 'resync'`. One reader.
 */
export class EventReader implements AsyncGenerator<BusEvent, void, undefined> {
  #standing: Standing = { at: 'known', records: new Map() };
  /** Removals that are told before the next update is read. */
  #found: BusEvent[] = [];
  #left: number;
  #isOver = false;
  /** Several may be asked for at once: each waits for the one before it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly updates: AsyncGenerator<Update, void, undefined>,
    /** By whom and when it is said that a record is gone: when it went, nobody knows. */
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
    if (!this.options.hasSnapshot) return;
    const { records } = this.#standing;
    if (event_type === 'removed') records.delete(`${kind}/${id}`);
    else records.set(`${kind}/${id}`, { kind, id });
  }

  #beginAnew(reason: string): void {
    if (!this.options.hasSnapshot) {
      const text = `what happened meanwhile is gone from the server's history (${reason})`;
      throw new BusError('resync', text, "read updates(), which show it, or subscribe with snapshot: 'full'");
    }
    const { records } = this.#standing;
    // A snapshot that was cut has shown some of what stands; what stood before it may still have to be taken back.
    const before = this.#standing.at === 'anew' ? new Map([...this.#standing.before, ...records]) : records;
    this.#standing = { at: 'anew', records: new Map(), before };
  }

  #complete(cursor: string): void {
    if (this.#standing.at !== 'anew') return;
    const { before, records } = this.#standing;
    this.#standing = { at: 'known', records };
    const gone = [...before].filter(([key]) => !records.has(key)).map(([, record]) => record);
    this.#found = gone.map((record, i) => this.#removal(record, cursor, i === gone.length - 1));
  }

  #removal({ kind, id }: Key, syncedAt: string, isLast: boolean): BusEvent {
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
