import { MessageType } from '../../protocol/index.js';

/**
 * Counts the events in what a server sends, without decoding them: the same cheap machinery for every contender, so that
 * clients are nobody's bottleneck. One per connection; fed with payload bytes as they come.
 */
export interface PayloadReader {
  readonly events: number;
  /** Whether the server has said that the subscription stands. */
  readonly isReady: boolean;
  /** @param isStart whether a WebSocket message begins at `from`. */
  read(buffer: Buffer, from: number, to: number, isStart: boolean): void;
}

/** Head of an `events` frame of the bus: its last four bytes are the number of events. */
const BUS_HEAD_BYTES = 21;

/** The bus: the number of events stands at a fixed place in the head of a frame. */
export class BusReader implements PayloadReader {
  events = 0;
  isReady = false;
  readonly #head = Buffer.alloc(BUS_HEAD_BYTES);
  #headLength = 0;

  read(buffer: Buffer, from: number, to: number, isStart: boolean): void {
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
    // `synced` is the one short message that counts, and is never split in the bench: it is the first on the wire.
    if (this.#headLength === BUS_HEAD_BYTES || this.#head[1] === MessageType.synced) this.#look(this.#head, 0);
  }

  #look(bytes: Buffer, at: number): void {
    const type = bytes[at + 1];
    if (type === MessageType.synced) this.isReady = true;
    if (type !== MessageType.events && type !== MessageType.batch) return;
    if (bytes[at] !== 0x94 || bytes[at + 2] !== 0xce || bytes[at + 7] !== 0xcf || bytes[at + 16] !== 0xdd) {
      throw new Error('the head of a frame is not as the counting client knows it');
    }
    this.events += bytes.readUInt32BE(at + 17);
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
