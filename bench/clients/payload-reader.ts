import { MessageType, unpackMessage, type WireEvent } from '../../protocol/index.js';
import { monotonicMs } from '../monotonic.js';

/**
 * Counts the events that a server sends, without decoding them. All contenders use the same cheap code, so that the clients are never the
 * bottleneck. One reader per connection; it is called with payload bytes as they arrive.
 */
export interface PayloadReader {
  readonly events: number;
  /** Whether the server has confirmed the subscription. */
  readonly isReady: boolean;
  /** @param isStart whether a WebSocket message begins at `from`; @param isEnd whether it ends at `to`. */
  read(buffer: Buffer, from: number, to: number, isStart: boolean, isEnd: boolean): void;
}

/** The longest head of an `events` frame of the bus: `[type, uint32, uint64, array32 of …]`. */
const BUS_HEAD_BYTES = 21;

/** The reader for the bus. The head of a frame has the index of its first event and the number of events, in numbers of any width. */
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
    // The indices after a resync begin with another count.
    if (type === MessageType.resync) this.#nextIndex = undefined;
    if (type !== MessageType.events && type !== MessageType.batch) return;
    if (bytes[at] !== 0x94) {
      throw new Error('the head of a frame is not in the format that the counting client expects');
    }
    const group = uintAt(bytes, at + 2);
    const first = uintAt(bytes, group.next);
    const count = uintAt(bytes, first.next, 0x90, 0xdc).value;
    this.events += count;
    if (type === MessageType.events) this.#follow(first.value, count);
  }

  #follow(first: number, count: number): void {
    if (this.#nextIndex !== undefined && first !== this.#nextIndex) {
      throw new Error(`events ${String(this.#nextIndex)} to ${String(first)} of the group are missing`);
    }
    this.#nextIndex = first + count;
  }
}

/**
 * Reads a number, or the length of an array.
 * @param short the first byte of the values that it holds itself, of which there are 128 numbers and 16 lengths.
 * @param wide the first byte of a value in two bytes; the next ones say four and eight.
 */
function uintAt(bytes: Buffer, at: number, short = 0, wide = 0xcd): { readonly value: number; readonly next: number } {
  const first = bytes[at]!;
  if (first >= short && first < (short === 0 ? 0x80 : short + 16)) return { value: first - short, next: at + 1 };
  switch (first - wide) {
    case -1:
      return { value: bytes[at + 1]!, next: at + 2 };
    case 0:
      return { value: bytes.readUInt16BE(at + 1), next: at + 3 };
    case 1:
      return { value: bytes.readUInt32BE(at + 1), next: at + 5 };
    case 2:
      return { value: Number(bytes.readBigUInt64BE(at + 1)), next: at + 9 };
    default:
      throw new Error('the head of a frame has a number that the counting client does not know');
  }
}

/** The reader for a server that sends one event per message, from the moment the socket is open. */
export class PackedReader implements PayloadReader {
  events = 0;
  readonly isReady = true;

  read(_buffer: Buffer, _from: number, _to: number, isStart: boolean): void {
    if (isStart) this.events++;
  }
}

/** The arrival time of an event, by the number in its record. */
export type Arrival = readonly [seq: number, atMs: number];

/** Wraps another reader and also decodes every message, for the few connections whose delays are measured. */
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
