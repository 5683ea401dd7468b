import { MessageType, unpackMessage, type WireEvent } from '../../protocol/index.js';
import { monotonicMs } from '../monotonic.js';

/**
 * Counts the events in what a server sends, without decoding them: the same cheap machinery for every contender, so that
 * clients are nobody's bottleneck. One per connection; fed with payload bytes as they come.
 */
export interface PayloadReader {
  readonly events: number;
  /** Whether the server has said that the subscription stands. */
  readonly isReady: boolean;
  /** @param isStart whether a WebSocket message begins at `from`; @param isEnd whether it ends at `to`. */
  read(buffer: Buffer, from: number, to: number, isStart: boolean, isEnd: boolean): void;
}

/** Head of an `events` frame of the bus: its last four bytes are the number of events. */
const BUS_HEAD_BYTES = 21;

/** The bus: the number of events stands at a fixed place in the head of a frame, and before it where they belong. */
export class BusReader implements PayloadReader {
  events = 0;
  isReady = false;
  readonly #head = Buffer.alloc(BUS_HEAD_BYTES);
  #headLength = 0;
  /** Index of the next event in the group; `undefined` until the first. */
  #nextIndex: number | undefined;

  read(buffer: Buffer, from: number, to: number, isStart: boolean, isEnd: boolean): void {
    if (isStart) {
      this.#headLength = 0;
      if (to - from >= BUS_HEAD_BYTES) {
        this.#headLength = BUS_HEAD_BYTES;
        this.#look(buffer, from);
        return;
      }
    }
    if (this.#headLength === BUS_HEAD_BYTES) return;
    const taken = Math.min(BUS_HEAD_BYTES - this.#headLength, to - from);
    buffer.copy(this.#head, this.#headLength, from, from + taken);
    this.#headLength += taken;
    if (this.#headLength === BUS_HEAD_BYTES || isEnd) this.#look(this.#head, 0);
  }

  #look(bytes: Buffer, at: number): void {
    const type = bytes[at + 1];
    if (type === MessageType.synced) this.isReady = true;
    // What follows is a new count.
    if (type === MessageType.resync) this.#nextIndex = undefined;
    if (type !== MessageType.events && type !== MessageType.batch) return;
    if (bytes[at] !== 0x94 || bytes[at + 2] !== 0xce || bytes[at + 7] !== 0xcf || bytes[at + 16] !== 0xdd) {
      throw new Error('the head of a frame is not as the counting client knows it');
    }
    const count = bytes.readUInt32BE(at + 17);
    this.events += count;
    if (type === MessageType.events) this.#follow(Number(bytes.readBigUInt64BE(at + 8)), count);
  }

  #follow(first: number, count: number): void {
    if (this.#nextIndex !== undefined && first !== this.#nextIndex) {
      throw new Error(`events ${String(this.#nextIndex)} to ${String(first)} of the group are missing`);
    }
    this.#nextIndex = first + count;
  }
}

/** A server that sends one event per message, from the moment the socket is open. */
export class PackedReader implements PayloadReader {
  events = 0;
  readonly isReady = true;

  read(_buffer: Buffer, _from: number, _to: number, isStart: boolean): void {
    if (isStart) this.events++;
  }
}

/** When an event had arrived, by the number in its record. */
export type Arrival = readonly [seq: number, atMs: number];

/** Another reader, and beside it every message whole and decoded: for the few connections whose delays are measured. */
export class SamplingReader implements PayloadReader {
  readonly arrivals: Arrival[] = [];
  #parts: Buffer[] = [];

  constructor(private readonly inner: PayloadReader) {}

  get events(): number {
    return this.inner.events;
  }

  get isReady(): boolean {
    return this.inner.isReady;
  }

  read(buffer: Buffer, from: number, to: number, isStart: boolean, isEnd: boolean): void {
    this.inner.read(buffer, from, to, isStart, isEnd);
    this.#parts.push(Buffer.from(buffer.subarray(from, to)));
    if (!isEnd) return;
    const message = unpackMessage(Buffer.concat(this.#parts)) as readonly unknown[];
    this.#parts = [];
    const atMs = monotonicMs();
    const [first, , , last] = message;
    const events = this.inner instanceof PackedReader ? [message] : first === MessageType.events ? last : [];
    for (const [, , , , , data] of events as WireEvent[]) this.arrivals.push([data['seq'] as number, atMs]);
  }
}
