import type { BusEvent, FilterInput } from '../../protocol/index.js';
import { within, type AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { Connection } from './connection.js';
import { EventReader } from './event-reader.js';
import { knowsAllRecords, validate, type SubscribeOptions } from './subscribe-options.js';
import { SubscriptionProgress, type Completion } from './subscription-progress.js';
import { UpdateReader } from './update-reader.js';
import type { Update } from './update.js';

/**
 * The events that match a filter, as an async iterable for one reader. Leaving the loop, or `await using`, ends the subscription. It
 * continues over broken connections. An event counts as consumed when the reader asks for the next one or leaves the loop; `cursor` is the
 * place after the last consumed event. A reader that may fail at an event should store `event.cursor` after it has handled the event.
 */
export class Subscription implements AsyncIterable<BusEvent>, AsyncDisposable {
  /** Resolves with the reason when the subscription ends; rejects with a BusError if it failed. */
  readonly done: Promise<Completion>;
  readonly #progress: SubscriptionProgress;
  #hasReader = false;

  constructor(
    private readonly connection: Connection,
    private readonly filter: FilterInput,
    private readonly options: SubscribeOptions = {},
  ) {
    validate(filter, options);
    this.#progress = new SubscriptionProgress(connection, filter, options);
    this.done = this.#progress.done;
  }

  /** The cursor, `epoch:revision`, to resume after what the reader has consumed; `undefined` until a snapshot is complete. */
  get cursor(): string | undefined {
    return this.#progress.consumed;
  }

  /**
   * Everything that matches and happened up to this time has been consumed, as an event or a heartbeat of the server proves. Server's
   * clock, Unix milliseconds; 0 before the first.
   * @internal
   */
  get provenUntil(): number {
    return this.#progress.provenUntil;
  }

  /** A number that grows each time the server begins the subscription, and each time the connection breaks. @internal */
  get generation(): number {
    return this.#progress.generation;
  }

  /** Whether the synced mark of this generation has been received, whether the reader has read it or not. @internal */
  get isServed(): boolean {
    return this.#progress.isServed;
  }

  /** Ends the subscription; the reader still receives the events that have arrived, then its loop ends. */
  close(): Promise<void> {
    this.#progress.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Returns the events, one by one. After a resync, records that no longer exist appear as `removed` with `observed: 'resync'`. A
   * subscription has one reader: of this, `updates`, `batches`, `take` or `first`; a second one throws BusError `closed`. Fails with
   * BusError `resync` after a resync where it cannot tell which records are gone: without a snapshot, or with `since`; with `overflow`, or
   * the server's error.
   */
  [Symbol.asyncIterator](): AsyncGenerator<BusEvent, void, undefined> {
    return this.#read();
  }

  /** Returns the first `count` events that pass `where`; then the subscription ends. @throws BusError `bad-option`, for a bad count. */
  take(count: number): AsyncGenerator<BusEvent, void, undefined> {
    if (!Number.isInteger(count) || count < 1) {
      throw new BusError('bad-option', `take needs a whole number of events, 1 or more, got ${String(count)}`, '');
    }
    return this.#read(count);
  }

  /**
   * Returns the first event that passes `where` and `predicate`, then ends the subscription; `undefined` if the subscription ends before.
   * @throws BusError `timeout`; the error that ended the subscription; the signal's reason.
   */
  async first(
    predicate: (event: BusEvent) => boolean = () => true,
    options: AskOptions = {},
  ): Promise<BusEvent | undefined> {
    const reader = this.#read();
    try {
      return await within(options, this.connection.clock, 'waiting for an event', async () => {
        for await (const event of reader) if (predicate(event)) return event;
        return undefined;
      });
    } finally {
      await reader.return();
    }
  }

  /** Returns the events and the marks between them (`synced`, `resync`); `where` is not applied. One reader, as for the iterator. */
  updates(): AsyncGenerator<Update, void, undefined> {
    return this.#reader(async () => (await this.#progress.queue.next())?.update);
  }

  /**
   * Returns the same as {@link updates} in lists. The updates of one frame, which the server found in one reading of the disk, are always
   * in one list. One reader, as for the iterator.
   */
  batches(): AsyncGenerator<readonly Update[], void, undefined> {
    return this.#reader(async () => {
      const { queue } = this.#progress;
      const first = await queue.next();
      if (first === undefined) return undefined;
      // A reader that waits for the first event of a frame continues only after the whole frame is in the queue.
      return [first, ...queue.takeFrame(first)].map(({ update }) => update);
    });
  }

  #reader<T>(take: () => Promise<T | undefined>): UpdateReader<T> {
    let isReader = false;
    const begin = (): void => {
      if (isReader) return;
      if (this.#hasReader) throw new BusError('closed', 'a subscription has one reader', 'subscribe once more');
      isReader = this.#hasReader = true;
    };
    return new UpdateReader({
      take: () => {
        begin();
        this.#progress.consume();
        return take();
      },
      leave: () => {
        // A reader that never began must not end the subscription of another reader.
        if (this.#hasReader && !isReader) return;
        this.#progress.consume();
        this.#progress.queue.abandon();
        this.#progress.close();
      },
    });
  }

  #read(limit = Infinity): EventReader {
    const { where } = this.options;
    const knowsRecords = knowsAllRecords(this.filter, this.options);
    const stamp = () => ({
      schema_version: this.#progress.schemaVersion,
      // The server's clock, as in all events.
      timestamp: new Date(this.connection.serverNow()).toISOString(),
    });
    return new EventReader(this.updates(), stamp, { where, limit, knowsRecords });
  }
}
