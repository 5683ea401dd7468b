import {
  epoch,
  formatCursor,
  isKnownEvent,
  parseCursor,
  toBusEvent,
  type CompleteReason,
  type EventOrigin,
  type FilterInput,
  type ResyncReason,
  type Revision,
  type SubscribeMode,
  type WireEvent,
} from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Connection } from './connection.js';
import type { SubscribeOptions } from './subscribe-options.js';
import type { Subscriber, SubscribeRequest } from './subscriber.js';
import { UpdateQueue, type Entry } from './update-queue.js';

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
 * How far a subscription has come: what its connection has told, what of it waits for the reader, what the reader has consumed, and how it
 * ended.
 */
export class SubscriptionProgress implements Subscriber {
  readonly done: Promise<Completion>;
  readonly queue = new UpdateQueue((entry) => {
    this.#handedOut = entry;
  });
  readonly #bufferSize: number;
  readonly #whenFull: 'wait' | 'latest' | 'fail';
  #phase: Phase = { at: 'snapshot', held: undefined };
  /** The cursor to resume after on the next connection: everything up to it has been received. */
  #received: string | undefined;
  #consumed: string | undefined;
  #origin: EventOrigin | undefined;
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
  #handedOut: Entry | undefined;
  #settle!: { resolve(completion: Completion): void; reject(error: Error): void };

  constructor(
    private readonly connection: Connection,
    private readonly filter: FilterInput,
    private readonly options: SubscribeOptions,
  ) {
    this.#bufferSize = options.bufferSize ?? 1_024;
    this.#whenFull = options.whenFull ?? 'wait';
    this.#received = options.since;
    this.#consumed = options.since;
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // The reader of the events receives the error too, so an unused `done` must not cause an unhandled rejection.
    this.done.catch(() => undefined);
    options.signal?.addEventListener('abort', this.close, { once: true });
    if (options.signal?.aborted) this.#end('closed');
    else connection.add(this);
  }

  /** The cursor after what the reader has consumed; `undefined` until a snapshot is complete. */
  get consumed(): string | undefined {
    return this.#consumed;
  }

  /** Everything that happened up to this time has been consumed; server's clock, Unix milliseconds. */
  get provenUntil(): number {
    return this.#provenUntil;
  }

  get generation(): number {
    return this.#generation;
  }

  get isServed(): boolean {
    return this.#syncedIn === this.#generation;
  }

  /** The version of the server that sent the last event; empty before the first. */
  get schemaVersion(): string {
    return this.#origin?.schemaVersion ?? '';
  }

  /** Ends the subscription; what has arrived stays in the queue. Works without `this`. */
  readonly close = (): void => {
    if (this.#phase.at === 'ended') return;
    this.connection.remove(this);
    this.#end('closed');
  };

  // ── what the reader does ──────────────────────────────────────────────────────────────────────────────────────────

  /** The reader asks for the next entry, or leaves: the entry before is consumed. */
  consume(): void {
    if (this.#handedOut?.cursor !== undefined) this.#consumed = this.#handedOut.cursor;
    this.#handedOut = undefined;
    this.#catchUpCursor();
    this.#resumeWhenDrained();
  }

  /** If no entry waits and the reader has none, everything that was received is consumed. */
  #catchUpCursor(): void {
    const isIdle = this.queue.size === 0 && this.#handedOut === undefined && this.#phase.at === 'changes';
    if (isIdle) this.#provenUntil = this.#receivedUntil;
    if (isIdle && this.#consumed !== undefined) this.#consumed = this.#received;
  }

  // ── what the connection tells ─────────────────────────────────────────────────────────────────────────────────────

  request(): SubscribeRequest {
    const { maxEvents, snapshot } = this.options;
    return {
      filter: this.filter,
      snapshot: snapshot ?? 'full',
      ...(maxEvents === undefined ? {} : { max_events: maxEvents - this.#count }),
      ...(this.#received === undefined ? {} : { since: this.#received }),
    };
  }

  began(mode: SubscribeMode | 'of a newer server', why: ResyncReason | undefined): void {
    this.#inSnapshot = 0;
    this.#generation++;
    // An unknown mode, of a newer server, is handled as a resync: the known records count as stale.
    if (mode === 'resync') this.#beginAnew(why ?? 'epoch');
    else if (mode === 'replay') this.#phase = { at: 'changes' };
    else if (mode === 'snapshot') this.#phase = { at: 'snapshot', held: undefined };
    else this.#beginAnew('epoch');
  }

  events(events: readonly WireEvent[], origin: EventOrigin): void {
    for (const event of events) this.#take(event, origin);
    this.queue.endFrame();
    if (this.#phase.at === 'changes') this.#checkBuffer();
  }

  synced(at: Revision, origin: EventOrigin): void {
    this.#releaseHeld(at);
    this.#inSnapshot = 0;
    this.#phase = { at: 'changes' };
    // The server read the records of the snapshot after it sent the welcome.
    this.#receivedUntil = Math.max(this.#receivedUntil, this.connection.welcome?.now ?? 0);
    this.#received = formatCursor({ epoch: origin.epoch, revision: at });
    this.#origin = origin;
    this.#syncedIn = this.#generation;
    this.queue.push({ type: 'synced', cursor: this.#received }, this.#received);
    this.queue.endFrame();
  }

  resync(reason: ResyncReason): void {
    this.#beginAnew(reason);
  }

  mark(upTo: Revision, serverNow: number): void {
    this.#receivedUntil = Math.max(this.#receivedUntil, serverNow);
    const received = this.#received === undefined ? undefined : parseCursor(this.#received);
    if (this.#phase.at !== 'changes' || !received) return;
    if (received.revision < upTo) this.#received = formatCursor({ epoch: epoch(received.epoch), revision: upTo });
    this.#catchUpCursor();
  }

  interrupted(): void {
    this.#generation++;
    if (this.#hasAll) {
      this.connection.remove(this);
      this.completed('max_events');
      return;
    }
    if (this.#phase.at === 'snapshot') this.#dropSnapshot();
  }

  completed(reason: Completion['reason']): void {
    this.#releaseHeld(undefined);
    this.#end(reason);
  }

  failed(error: BusError): void {
    if (this.#phase.at === 'ended') return;
    this.#phase = { at: 'ended' };
    this.options.signal?.removeEventListener('abort', this.close);
    this.queue.close(error.code === 'closed' ? undefined : error);
    if (error.code === 'closed') this.#settle.resolve({ reason: 'closed', delivered: this.#count });
    else this.#settle.reject(error);
  }

  /** Whether all events of the cap have been received. The server completes such a subscription, and none can be subscribed again for 0 more. */
  get #hasAll(): boolean {
    return this.options.maxEvents !== undefined && this.#count >= this.options.maxEvents;
  }

  #beginAnew(reason: ResyncReason | 'interrupted'): void {
    this.#received = undefined;
    this.#phase = { at: 'snapshot', held: undefined };
    this.queue.push({ type: 'resync', reason }, undefined);
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
    this.queue.push({ type: 'event', event: shown }, shown.cursor);
  }

  #releaseHeld(completeAt: Revision | undefined): void {
    if (this.#phase.at !== 'snapshot' || this.#phase.held === undefined) return;
    const shown = toBusEvent(this.#phase.held, this.#origin!, completeAt);
    this.#phase = { at: 'snapshot', held: undefined };
    this.queue.push({ type: 'event', event: shown }, completeAt === undefined ? undefined : shown.cursor);
  }

  /** Called when the connection breaks in a snapshot. The whole snapshot comes again, so its events do not count for `maxEvents`. */
  #dropSnapshot(): void {
    if (this.#inSnapshot === 0) return;
    const held = this.#phase.at === 'snapshot' && this.#phase.held !== undefined ? 1 : 0;
    // The queue may also hold changes from before the snapshot; they are dropped too.
    this.#count -= Math.max(this.#inSnapshot, this.queue.clear() + held);
    this.#inSnapshot = 0;
    this.#beginAnew('interrupted');
  }

  #checkBuffer(): void {
    if (this.queue.size <= this.#bufferSize) return;
    switch (this.#whenFull) {
      case 'wait':
        if (this.#hasAll) return;
        this.connection.remove(this);
        this.#phase = { at: 'paused' };
        return;
      case 'latest':
        this.queue.keepLatest();
        return;
      case 'fail': {
        const text = `more than ${String(this.#bufferSize)} events wait to be consumed`;
        this.connection.remove(this);
        this.failed(new BusError('overflow', text, 'consume faster, or choose whenFull: wait or latest'));
        return;
      }
    }
  }

  #resumeWhenDrained(): void {
    if (this.#phase.at !== 'paused' || this.queue.size > this.#bufferSize / 2) return;
    this.#phase = { at: 'changes' };
    this.connection.add(this);
  }

  #end(reason: Completion['reason']): void {
    if (this.#phase.at === 'ended') return;
    this.#phase = { at: 'ended' };
    this.options.signal?.removeEventListener('abort', this.close);
    this.queue.close();
    this.#settle.resolve({ reason, delivered: this.#count });
  }
}
