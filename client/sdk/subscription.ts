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
  /** Events received in all, but those of a snapshot that was cut off and came again. */
  readonly delivered: number;
}

type Phase =
  /** In a snapshot: the last event of it is held back until it is known to be the last. */
  | { readonly at: 'snapshot'; readonly held: WireEvent | undefined }
  | { readonly at: 'changes' }
  /** Left on the server because the buffer is full. */
  | { readonly at: 'paused' }
  | { readonly at: 'ended' };

/**
 * The events that match a filter, as an async iterable for one reader. Breaking out of the loop, or `await using`, ends
 * it. It outlives broken connections. An event is consumed when the reader asks for the next one, or ends the loop at it; `cursor`
 * is the place after the last event that was. Whoever may fail at an event keeps `event.cursor` when it is done with it.
 */
export class Subscription implements AsyncIterable<BusEvent>, AsyncDisposable {
  /** Resolves with the way the subscription ended; rejects where it failed. */
  readonly done: Promise<Completion>;
  readonly #queue = new UpdateQueue();
  readonly #bufferSize: number;
  readonly #whenFull: 'wait' | 'latest' | 'fail';
  #phase: Phase = { at: 'snapshot', held: undefined };
  /** Where to resume on the wire: everything up to here has been received. */
  #received: string | undefined;
  #consumed: string | undefined;
  #count = 0;
  /** All that happened up to here on the server's clock has been received. */
  #receivedUntil = 0;
  #provenUntil = 0;
  #generation = 0;
  /** The generation in which the last synced mark came. */
  #syncedIn = -1;
  /** Of them, those of a snapshot that is not complete. */
  #inSnapshot = 0;
  /** Given to the reader, who has not asked for the next one. */
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
    // Whoever reads the events learns of a failure there; `done` need not be watched.
    this.done.catch(() => undefined);
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.signal?.aborted) this.#end('closed');
    else connection.add(this.#subscriber);
  }

  /** Resume after what the reader has consumed; `undefined` until a snapshot is complete. */
  get cursor(): string | undefined {
    return this.#consumed;
  }

  /**
   * Everything that happened up to this moment of the server's clock, and that matches, has been consumed: the server has said
   * so, by an event or a heartbeat. Unix milliseconds; 0 before the first.
   * @internal
   */
  get provenUntil(): number {
    return this.#provenUntil;
  }

  /** Counts how often the server has begun to serve it, and has been lost. @internal */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the connection of this generation has served it up to a synced mark, be that read or not. @internal */
  get isServed(): boolean {
    return this.#syncedIn === this.#generation;
  }

  /** Ends the subscription; the reader's loop ends with what was received before. */
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

  /** The events, one by one; what a resync has taken away is told as removed. One reader, of this, `updates` or `take`. */
  [Symbol.asyncIterator](): AsyncGenerator<BusEvent, void, undefined> {
    return this.#read();
  }

  /** The first so many events that pass `where`, and no more; then the subscription ends. */
  take(count: number): AsyncGenerator<BusEvent, void, undefined> {
    if (!Number.isInteger(count) || count < 1) {
      throw new BusError('bad-option', `take needs a whole number of events, 1 or more, got ${String(count)}`, '');
    }
    return this.#read(count);
  }

  /**
   * The first event that a predicate accepts; then the subscription ends. `undefined` where it ends before.
   * @throws BusError `timeout`; the signal's reason.
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

  /** The events together with the marks between them. One reader, of either this or the events. */
  updates(): AsyncGenerator<Update, void, undefined> {
    return this.#reader(async () => {
      const entry = await this.#queue.next();
      this.#handedOut = entry;
      return entry?.update;
    });
  }

  /**
   * The same, as they have come: what the server told in one frame is never divided, because it found it out in one
   * reading of the disk. One reader, of this alone.
   */
  batches(): AsyncGenerator<readonly Update[], void, undefined> {
    return this.#reader(async () => {
      const first = await this.#queue.next();
      if (first === undefined) {
        this.#handedOut = undefined;
        return undefined;
      }
      // The whole frame was received before the reader that waited for its first event could go on.
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
        // What another reader reads is not for this one to end.
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
      // By the clock that dates all events.
      timestamp: new Date(this.connection.serverNow()).toISOString(),
    });
    return new EventReader(this.updates(), stamp, { where, limit, hasSnapshot });
  }

  /** The reader asks for the next one, or goes: what it was given before has been consumed. */
  #consume(): void {
    if (this.#handedOut?.cursor !== undefined) this.#consumed = this.#handedOut.cursor;
    this.#handedOut = undefined;
    this.#catchUpCursor();
    this.#resumeWhenDrained();
  }

  /** Where nothing waits and nothing is being worked on, all that has been received has been consumed. */
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
    // A mode of a newer server means what this one does: what is known is stale.
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
    // What it was served from was looked at after the connection began.
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

  /** A broken connection inside a snapshot: it comes again whole, so that what was sent of it counts for no cap. */
  #dropSnapshot(): void {
    if (this.#inSnapshot === 0) return;
    const held = this.#phase.at === 'snapshot' && this.#phase.held !== undefined ? 1 : 0;
    // Changes that waited unread before it go with it.
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
