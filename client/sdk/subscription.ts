import {
  epoch,
  formatCursor,
  isKnownEvent,
  parseCursor,
  toBusEvent,
  type BusEvent,
  type CompleteReason,
  type EventOrigin,
  type FilterInput,
  type ResyncReason,
  type Revision,
  type SubscribeMode,
  type WireEvent,
} from '../../protocol/index.js';
import { within, type AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { Connection } from './connection.js';
import { EventReader } from './event-reader.js';
import { validate, wantsSnapshot, type SubscribeOptions } from './subscribe-options.js';
import type { Subscriber, SubscribeRequest } from './subscriber.js';
import { UpdateQueue } from './update-queue.js';
import { UpdateReader } from './update-reader.js';
import type { Update } from './update.js';

/** How a subscription ended. */
export interface Completion {
  readonly reason: Exclude<CompleteReason, 'shutdown'> | 'closed';
  /** The number of events received, without those of broken snapshots that came again. */
  readonly delivered: number;
}

type Phase =
  /** In a snapshot: the latest event is held back, because the last event of a snapshot carries the cursor. */
  | { readonly at: 'snapshot'; readonly held: WireEvent | undefined }
  | { readonly at: 'changes' }
  /** Unsubscribed, because the buffer is full; the server's history keeps the next events. */
  | { readonly at: 'paused' }
  | { readonly at: 'ended' };

/**
 * The events that match a filter, as an async iterable for one reader. Leaving the loop, or `await using`, ends the subscription. It
 * continues over broken connections. An event counts as consumed when the reader asks for the next one or leaves the loop; `cursor` is the
 * place after the last consumed event. A reader that may fail at an event should store `event.cursor` after it has handled the event.
 */
export class Subscription implements AsyncIterable<BusEvent>, AsyncDisposable {
  /** Resolves with the reason when the subscription ends; rejects with a BusError if it failed. */
  readonly done: Promise<Completion>;
  readonly #queue = new UpdateQueue();
  readonly #bufferSize: number;
  readonly #whenFull: 'wait' | 'latest' | 'fail';
  #phase: Phase = { at: 'snapshot', held: undefined };
  /** The cursor to resume after on the next connection: everything up to it has been received. */
  #received: string | undefined;
  #consumed: string | undefined;
  #count = 0;
  /** Everything that happened up to this time has been received; server's clock, Unix milliseconds. */
  #receivedUntil = 0;
  #provenUntil = 0;
  #generation = 0;
  /** The generation in which the last synced mark came. */
  #syncedIn = -1;
  /** How many of `#count` belong to an incomplete snapshot. */
  #inSnapshot = 0;
  /** The entry that the reader has and has not consumed. */
  #handedOut: { readonly cursor: string | undefined } | undefined;
  #settle!: { resolve(completion: Completion): void; reject(error: Error): void };
  #hasReader = false;

  constructor(
    private readonly connection: Connection,
    private readonly filter: FilterInput,
    private readonly options: SubscribeOptions = {},
  ) {
    validate(filter, options);
    this.#bufferSize = options.bufferSize ?? 1_024;
    this.#whenFull = options.whenFull ?? 'wait';
    this.#received = options.since;
    this.#consumed = options.since;
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // The reader of the events receives the error too, so an unused `done` must not cause an unhandled rejection.
    this.done.catch(() => undefined);
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.signal?.aborted) this.#end('closed');
    else connection.add(this.#subscriber);
  }

  /** The cursor, `epoch:revision`, to resume after what the reader has consumed; `undefined` until a snapshot is complete. */
  get cursor(): string | undefined {
    return this.#consumed;
  }

  /**
   * Everything that matches and happened up to this time has been consumed, as an event or a heartbeat of the server proves. Server's
   * clock, Unix milliseconds; 0 before the first.
   * @internal
   */
  get provenUntil(): number {
    return this.#provenUntil;
  }

  /** A number that grows each time the server begins the subscription, and each time the connection breaks. @internal */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the synced mark of this generation has been received, whether the reader has read it or not. @internal */
  get isServed(): boolean {
    return this.#syncedIn === this.#generation;
  }

  /** Ends the subscription; the reader still receives the events that have arrived, then its loop ends. */
  close(): Promise<void> {
    if (this.#phase.at !== 'ended') {
      this.connection.remove(this.#subscriber);
      this.#end('closed');
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Returns the events, one by one. After a resync, records that no longer exist appear as `removed` with `observed: 'resync'`. A
   * subscription has one reader: of this, `updates`, `batches`, `take` or `first`; a second one throws BusError `closed`. Fails with
   * BusError `resync` after a resync without a snapshot, `overflow`, or the server's error.
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
    return this.#reader(async () => {
      const entry = await this.#queue.next();
      this.#handedOut = entry;
      return entry?.update;
    });
  }

  /**
   * Returns the same as {@link updates} in lists. The updates of one frame, which the server found in one reading of the disk, are always
   * in one list. One reader, as for the iterator.
   */
  batches(): AsyncGenerator<readonly Update[], void, undefined> {
    return this.#reader(async () => {
      const first = await this.#queue.next();
      if (first === undefined) {
        this.#handedOut = undefined;
        return undefined;
      }
      // A reader that waits for the first event of a frame continues only after the whole frame is in the queue.
      const entries = [first, ...this.#queue.takeFrame(first)];
      this.#handedOut = entries.findLast(({ cursor }) => cursor !== undefined) ?? first;
      return entries.map(({ update }) => update);
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
        this.#consume();
        return take();
      },
      leave: () => {
        // A reader that never began must not end the subscription of another reader.
        if (this.#hasReader && !isReader) return;
        this.#consume();
        this.#queue.abandon();
        void this.close();
      },
    });
  }

  #read(limit = Infinity): EventReader {
    const { where } = this.options;
    const hasSnapshot = wantsSnapshot(this.filter, this.options);
    const stamp = () => ({
      schema_version: this.#origin?.schemaVersion ?? '',
      // The server's clock, as in all events.
      timestamp: new Date(this.connection.serverNow()).toISOString(),
    });
    return new EventReader(this.updates(), stamp, { where, limit, hasSnapshot });
  }

  /** Called when the reader asks for the next entry, or leaves: the entry before is consumed. */
  #consume(): void {
    if (this.#handedOut?.cursor !== undefined) this.#consumed = this.#handedOut.cursor;
    this.#handedOut = undefined;
    this.#catchUpCursor();
    this.#resumeWhenDrained();
  }

  /** If no entry waits and the reader has none, everything that was received is consumed. */
  #catchUpCursor(): void {
    const isIdle = this.#queue.size === 0 && this.#handedOut === undefined && this.#phase.at === 'changes';
    if (isIdle) this.#provenUntil = this.#receivedUntil;
    if (isIdle && this.#consumed !== undefined) this.#consumed = this.#received;
  }

  // ── what the connection tells ─────────────────────────────────────────────────────────────────────────────────────

  readonly #subscriber: Subscriber = {
    request: () => this.#request(),
    began: (mode, why) => {
      this.#began(mode, why);
    },
    events: (events, origin) => {
      this.#takeAll(events, origin);
    },
    synced: (at, origin) => {
      this.#synced(at, origin);
    },
    resync: (reason) => {
      this.#beginAnew(reason);
    },
    mark: (upTo, serverNow) => {
      this.#receivedUntil = Math.max(this.#receivedUntil, serverNow);
      this.#mark(upTo);
    },
    interrupted: () => {
      this.#generation++;
      if (this.#phase.at === 'snapshot') this.#dropSnapshot();
    },
    completed: (reason) => {
      this.#releaseHeld(undefined);
      this.#end(reason);
    },
    failed: (error) => {
      this.#fail(error);
    },
  };

  #origin: EventOrigin | undefined;

  #request(): SubscribeRequest {
    const { maxEvents, snapshot } = this.options;
    return {
      filter: this.filter,
      snapshot: snapshot ?? 'full',
      ...(maxEvents === undefined ? {} : { max_events: maxEvents - this.#count }),
      ...(this.#received === undefined ? {} : { since: this.#received }),
    };
  }

  #began(mode: SubscribeMode | 'of a newer server', why: ResyncReason | undefined): void {
    this.#inSnapshot = 0;
    this.#generation++;
    // An unknown mode, of a newer server, is handled as a resync: the known records count as stale.
    if (mode === 'resync') this.#beginAnew(why ?? 'epoch');
    else if (mode === 'replay') this.#phase = { at: 'changes' };
    else if (mode === 'snapshot') this.#phase = { at: 'snapshot', held: undefined };
    else this.#beginAnew('epoch');
  }

  #beginAnew(reason: ResyncReason | 'interrupted'): void {
    this.#received = undefined;
    this.#phase = { at: 'snapshot', held: undefined };
    this.#queue.push({ type: 'resync', reason }, undefined);
  }

  #takeAll(events: readonly WireEvent[], origin: EventOrigin): void {
    for (const event of events) this.#take(event, origin);
    this.#queue.endFrame();
    if (this.#phase.at === 'changes') this.#checkBuffer();
  }

  #take(event: WireEvent, origin: EventOrigin): void {
    this.#origin = origin;
    this.#count++;
    if (this.#phase.at === 'snapshot') this.#inSnapshot++;
    if (!isKnownEvent(event)) return;
    if (this.#phase.at === 'snapshot') {
      this.#releaseHeld(undefined);
      this.#phase = { at: 'snapshot', held: event };
      return;
    }
    if (this.#phase.at !== 'changes') return;
    const shown = toBusEvent(event, origin);
    this.#received = shown.cursor;
    this.#receivedUntil = Math.max(this.#receivedUntil, event[4]);
    this.#queue.push({ type: 'event', event: shown }, shown.cursor);
  }

  #releaseHeld(completeAt: Revision | undefined): void {
    if (this.#phase.at !== 'snapshot' || this.#phase.held === undefined) return;
    const shown = toBusEvent(this.#phase.held, this.#origin!, completeAt);
    this.#phase = { at: 'snapshot', held: undefined };
    this.#queue.push({ type: 'event', event: shown }, completeAt === undefined ? undefined : shown.cursor);
  }

  #synced(at: Revision, origin: EventOrigin): void {
    this.#releaseHeld(at);
    this.#inSnapshot = 0;
    this.#phase = { at: 'changes' };
    // The server read the records of the snapshot after it sent the welcome.
    this.#receivedUntil = Math.max(this.#receivedUntil, this.connection.welcome?.now ?? 0);
    this.#received = formatCursor({ epoch: origin.epoch, revision: at });
    this.#origin = origin;
    this.#syncedIn = this.#generation;
    this.#queue.push({ type: 'synced', cursor: this.#received }, this.#received);
    this.#queue.endFrame();
  }

  #mark(upTo: Revision): void {
    const received = this.#received === undefined ? undefined : parseCursor(this.#received);
    if (this.#phase.at !== 'changes' || !received) return;
    if (received.revision < upTo) this.#received = formatCursor({ epoch: epoch(received.epoch), revision: upTo });
    this.#catchUpCursor();
  }

  /** Called when the connection breaks in a snapshot. The whole snapshot comes again, so its events do not count for `maxEvents`. */
  #dropSnapshot(): void {
    if (this.#inSnapshot === 0) return;
    const held = this.#phase.at === 'snapshot' && this.#phase.held !== undefined ? 1 : 0;
    // The queue may also hold changes from before the snapshot; they are dropped too.
    this.#count -= Math.max(this.#inSnapshot, this.#queue.clear() + held);
    this.#inSnapshot = 0;
    this.#beginAnew('interrupted');
  }

  #checkBuffer(): void {
    if (this.#queue.size <= this.#bufferSize) return;
    switch (this.#whenFull) {
      case 'wait':
        this.connection.remove(this.#subscriber);
        this.#phase = { at: 'paused' };
        return;
      case 'latest':
        this.#queue.keepLatest();
        return;
      case 'fail': {
        const text = `more than ${String(this.#bufferSize)} events wait to be consumed`;
        this.connection.remove(this.#subscriber);
        this.#fail(new BusError('overflow', text, 'consume faster, or choose whenFull: wait or latest'));
        return;
      }
    }
  }

  #resumeWhenDrained(): void {
    if (this.#phase.at !== 'paused' || this.#queue.size > this.#bufferSize / 2) return;
    this.#phase = { at: 'changes' };
    this.connection.add(this.#subscriber);
  }

  #fail(error: BusError): void {
    if (this.#phase.at === 'ended') return;
    this.#phase = { at: 'ended' };
    this.options.signal?.removeEventListener('abort', this.#abort);
    this.#queue.close(error.code === 'closed' ? undefined : error);
    if (error.code === 'closed') this.#settle.resolve({ reason: 'closed', delivered: this.#count });
    else this.#settle.reject(error);
  }

  #end(reason: Completion['reason']): void {
    if (this.#phase.at === 'ended') return;
    this.#phase = { at: 'ended' };
    this.options.signal?.removeEventListener('abort', this.#abort);
    this.#queue.close();
    this.#settle.resolve({ reason, delivered: this.#count });
  }

  readonly #abort = (): void => {
    void this.close();
  };
}
