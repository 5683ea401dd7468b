import {
  epoch,
  formatCursor,
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
} from '../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Connection } from './connection.js';
import { validate, type SubscribeOptions } from './subscribe-options.js';
import type { Subscriber, SubscribeRequest } from './subscriber.js';
import { UpdateQueue } from './update-queue.js';
import type { Update } from './update.js';

/** How a subscription ended. */
export interface Completion {
  readonly reason: Exclude<CompleteReason, 'shutdown'> | 'closed';
  /** Events received in all. */
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
 * it. It outlives broken connections; `cursor` is the place after the last event that the reader has consumed.
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

  async *[Symbol.asyncIterator](): AsyncGenerator<BusEvent, void, undefined> {
    for await (const update of this.updates()) if (update.type === 'event') yield update.event;
  }

  /** The events together with the marks between them. One reader, of either this or the events. */
  async *updates(): AsyncGenerator<Update, void, undefined> {
    this.#takeReader();
    try {
      for (;;) {
        const entry = await this.#queue.next();
        if (!entry) return;
        yield entry.update;
        // Asked for the next one: this one has been consumed.
        if (entry.cursor !== undefined) this.#consumed = entry.cursor;
        this.#resumeWhenDrained();
      }
    } finally {
      await this.close();
    }
  }

  /**
   * The same, as they have come: what the server told in one frame is never divided, because it found it out in one
   * reading of the disk. One reader, of this alone.
   */
  async *batches(): AsyncGenerator<readonly Update[], void, undefined> {
    this.#takeReader();
    try {
      for (;;) {
        const first = await this.#queue.next();
        if (!first) return;
        // The whole frame was received before whoever waited for its first event could go on.
        const entries = [first, ...this.#queue.takeAll()];
        yield entries.map(({ update }) => update);
        for (const { cursor } of entries) if (cursor !== undefined) this.#consumed = cursor;
        this.#resumeWhenDrained();
      }
    } finally {
      await this.close();
    }
  }

  #takeReader(): void {
    if (this.#hasReader) throw new BusError('closed', 'a subscription has one reader', 'subscribe once more');
    this.#hasReader = true;
  }

  // ── what the connection tells ─────────────────────────────────────────────────────────────────────────────────────

  readonly #subscriber: Subscriber = {
    request: () => this.#request(),
    began: (mode, why) => {
      this.#began(mode, why);
    },
    batch: (events, origin) => {
      this.#takeAll(events, origin);
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
    mark: (upTo) => {
      this.#mark(upTo);
    },
    interrupted: () => {
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

  #began(mode: SubscribeMode, why: ResyncReason | undefined): void {
    if (mode === 'resync') this.#beginAnew(why ?? 'epoch');
    else this.#phase = mode === 'snapshot' ? { at: 'snapshot', held: undefined } : { at: 'changes' };
  }

  #beginAnew(reason: ResyncReason | 'interrupted'): void {
    this.#received = undefined;
    this.#phase = { at: 'snapshot', held: undefined };
    this.#queue.push({ type: 'resync', reason }, undefined);
  }

  #takeAll(events: readonly WireEvent[], origin: EventOrigin): void {
    for (const event of events) this.#take(event, origin);
    if (this.#phase.at === 'changes') this.#checkBuffer();
  }

  #take(event: WireEvent, origin: EventOrigin): void {
    this.#origin = origin;
    this.#count++;
    if (this.#phase.at === 'snapshot') {
      this.#releaseHeld(undefined);
      this.#phase = { at: 'snapshot', held: event };
      return;
    }
    if (this.#phase.at !== 'changes') return;
    const shown = toBusEvent(event, origin);
    this.#received = shown.cursor;
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
    this.#phase = { at: 'changes' };
    this.#received = formatCursor({ epoch: origin.epoch, revision: at });
    this.#origin = origin;
    this.#queue.push({ type: 'synced', cursor: this.#received }, this.#received);
  }

  #mark(upTo: Revision): void {
    const received = this.#received === undefined ? undefined : parseCursor(this.#received);
    if (this.#phase.at !== 'changes' || !received || received.revision >= upTo) return;
    this.#received = formatCursor({ epoch: epoch(received.epoch), revision: upTo });
    if (this.#queue.size === 0 && this.#consumed !== undefined) this.#consumed = this.#received;
  }

  /** A broken connection inside a snapshot: it comes again whole, and what was not read of it is not shown twice. */
  #dropSnapshot(): void {
    if (this.#count === 0) return;
    const held = this.#phase.at === 'snapshot' && this.#phase.held !== undefined ? 1 : 0;
    this.#count -= this.#queue.clear() + held;
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
