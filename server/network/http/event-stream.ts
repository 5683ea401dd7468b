import {
  epoch,
  EVENT_TYPES,
  MessageType,
  revision,
  type CloseCode,
  type EventOrigin,
  type Revision,
  type ServerMessage,
  type WireEvent,
} from '../../../protocol/index.js';
import type { SendResult, Socket } from '../../delivery/port.js';
import type { Connection } from '../../sessions/connection.js';
import type { HttpSource, HttpWriter } from '../transport.js';
import { cursorAt, eventsText, type EventFormat } from './event-format.js';
import type { Narrowing } from './narrowing.js';

const SNAPSHOT = EVENT_TYPES.indexOf('snapshot');

/** Keeps the text of the last shared frame. The members of a group are served one after the other, so each frame is converted once. */
export class SharedText {
  #frame: Uint8Array | undefined;
  #bytes: Uint8Array | undefined;

  of(frame: Uint8Array, make: () => string): Uint8Array {
    if (this.#frame === frame && this.#bytes) return this.#bytes;
    this.#frame = frame;
    return (this.#bytes = Buffer.from(make()));
  }
}

/**
 * A streaming reply in the place of a WebSocket. It converts a session's JSON frames to lines. Caps, lag, resumption and limits are the
 * session's, as for a WebSocket.
 */
export class EventStream implements Socket, HttpSource {
  #connection: Connection | undefined;
  #origin: EventOrigin = { schemaVersion: '', epoch: epoch('') };
  /** The last event of the snapshot so far. It is kept because only the last event of a whole snapshot has a cursor. */
  #held: WireEvent | undefined;
  #phase: 'open' | 'ended' = 'open';

  constructor(
    private readonly writer: HttpWriter,
    private readonly format: EventFormat,
    private readonly shared: SharedText,
    readonly remote: string,
    /** What this stream leaves out, besides the filter of its subscription. */
    private readonly narrowing?: Narrowing,
  ) {
    this.#write(format.opening);
  }

  /** Sends the session this `subscribe` message of the protocol. */
  begin(connection: Connection, subscribe: readonly unknown[]): void {
    this.#connection = connection;
    connection.message(Buffer.from(JSON.stringify(subscribe)), false);
  }

  // ── the session's socket ──────────────────────────────────────────────────────────────────────────────────────────

  send(frame: Uint8Array): SendResult {
    if (this.#phase === 'ended') return 'dropped';
    const isAsShared = this.narrowing === undefined && this.#isShared(frame);
    const message = isAsShared ? undefined : (JSON.parse(Buffer.from(frame).toString()) as ServerMessage);
    if (message === undefined) return this.writer.write(this.shared.of(frame, () => this.#eventsOf(frame)));
    return this.#take(message);
  }

  get queuedBytes(): number {
    return this.writer.queuedBytes;
  }

  close(_code: CloseCode, reason: string): void {
    if (this.#phase === 'ended') return;
    this.#write(this.format.mark({ type: 'error', code: 'closed', message: reason }));
    this.#end();
  }

  // ── the reply's writer ────────────────────────────────────────────────────────────────────────────────────────────

  drained(): void {
    if (this.#phase === 'open') this.#connection?.drained();
  }

  closed(): void {
    this.#phase = 'ended';
    this.#connection?.closed();
  }

  // ── from frames to text ───────────────────────────────────────────────────────────────────────────────────────────

  #isShared(frame: Uint8Array): boolean {
    return Buffer.from(frame.buffer, frame.byteOffset, SHARED_HEAD.length).equals(SHARED_HEAD);
  }

  #eventsOf(frame: Uint8Array): string {
    const [, , , events] = JSON.parse(Buffer.from(frame).toString()) as [number, number, number, WireEvent[]];
    return eventsText(this.format, this.#origin, events);
  }

  #take(message: ServerMessage): SendResult {
    switch (message[0]) {
      case MessageType.welcome:
        this.#origin = { schemaVersion: message[1].server, epoch: epoch(message[1].epoch) };
        return 'sent';
      case MessageType.subscribed:
        return message[3] === 'resync' ? this.#resync(message[5] ?? 'epoch') : 'sent';
      case MessageType.batch:
        return this.#batch(message[3]);
      case MessageType.synced:
        return this.#synced(revision(message[2]));
      case MessageType.events:
        return this.#events(message[3]);
      case MessageType.resync:
        return this.#resync(message[2]);
      case MessageType.heartbeat:
        return this.#write(this.format.beat(cursorAt(this.#origin, message[1])));
      case MessageType.complete:
        return this.#complete(message[2], message[3]);
      case MessageType.error:
        this.#write(this.format.mark({ type: 'error', code: message[2], message: message[3] }));
        this.#end();
        return 'sent';
      case MessageType.syncDone:
      case MessageType.pong:
      case MessageType.inspection:
        return 'sent';
    }
  }

  #events(all: readonly WireEvent[]): SendResult {
    const events = this.narrowing?.pass(all) ?? all;
    return this.#endIfFull(this.#write(eventsText(this.format, this.#origin, events)));
  }

  /** A narrowed stream counts its events itself. */
  #endIfFull(result: SendResult): SendResult {
    const { narrowing } = this;
    return narrowing?.isFull === true && this.#phase === 'open'
      ? this.#complete('max_events', narrowing.delivered)
      : result;
  }

  #batch(all: readonly WireEvent[]): SendResult {
    if (all.at(-1)?.[1] !== SNAPSHOT) return this.#events(all);
    const events = this.narrowing?.pass(all) ?? all;
    if (events.length === 0) return 'sent';
    const ready = this.#held === undefined ? events.slice(0, -1) : [this.#held, ...events.slice(0, -1)];
    this.#held = events.at(-1);
    return this.#endIfFull(this.#write(eventsText(this.format, this.#origin, ready)));
  }

  #synced(at: Revision): SendResult {
    const cursor = cursorAt(this.#origin, at);
    return this.#write(this.#released(at) + this.format.mark({ type: 'synced', cursor }));
  }

  #resync(reason: string): SendResult {
    return this.#write(this.#released() + this.format.mark({ type: 'resync', reason }));
  }

  #complete(reason: string, delivered: number): SendResult {
    const result = this.#write(this.#released() + this.format.mark({ type: 'complete', reason, delivered }));
    this.#end();
    return result;
  }

  #released(at?: Revision): string {
    const held = this.#held;
    this.#held = undefined;
    return held === undefined ? '' : eventsText(this.format, this.#origin, [held], at);
  }

  #write(text: string): SendResult {
    return text === '' ? 'sent' : this.writer.write(Buffer.from(text));
  }

  #end(): void {
    this.#phase = 'ended';
    this.writer.end();
    // Not at once: the session is still sending its last frame.
    queueMicrotask(() => this.#connection?.closed());
  }
}

/** The first bytes of a frame with a group's events. */
const SHARED_HEAD = Buffer.from(`[${String(MessageType.events)},`);
