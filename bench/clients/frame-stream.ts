import type { PayloadReader } from './payload-reader.js';

const MAX_HEADER = 10;

/** The handlers of a server's control frames. */
export interface ControlFrames {
  ping(): void;
  closed(): void;
}

/** Splits a server's bytes into WebSocket frames (never masked, possibly split anywhere) and passes on their payload. */
export class FrameStream {
  readonly #header = Buffer.alloc(MAX_HEADER);
  #headerLength = 0;
  #payloadLeft = 0;
  #opcode = 0;
  #isStart = false;
  #isFinal = true;

  constructor(
    private readonly reader: PayloadReader,
    private readonly control: ControlFrames,
  ) {}

  push(buffer: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#payloadLeft === 0) {
        at = this.#readHeader(buffer, at, to);
        continue;
      }
      const end = Math.min(to, at + this.#payloadLeft);
      const isEnd = this.#isFinal && end - at === this.#payloadLeft;
      if (this.#opcode < 8) this.reader.read(buffer, at, end, this.#isStart, isEnd);
      this.#isStart = false;
      this.#payloadLeft -= end - at;
      at = end;
    }
  }

  /** @returns where the payload begins, or `to` if the header continues in the next chunk. */
  #readHeader(buffer: Buffer, at: number, to: number): number {
    if (this.#headerLength === 0 && to - at >= MAX_HEADER) return at + this.#begin(buffer, at);
    while (at < to) {
      this.#header[this.#headerLength++] = buffer[at++]!;
      if (this.#headerLength < 2 || this.#headerLength < headerBytes(this.#header[1]!)) continue;
      this.#headerLength = 0;
      this.#begin(this.#header, 0);
      break;
    }
    return at;
  }

  /** @returns the header's length. */
  #begin(bytes: Buffer, at: number): number {
    const length = bytes[at + 1]! & 0x7f;
    this.#opcode = bytes[at]! & 0x0f;
    this.#isFinal = bytes[at]! >= 0x80;
    this.#isStart = this.#opcode !== 0;
    this.#payloadLeft =
      length < 126 ? length : length === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if (this.#opcode === 8) this.control.closed();
    if (this.#opcode === 9) this.control.ping();
    return headerBytes(length);
  }
}

function headerBytes(second: number): number {
  const length = second & 0x7f;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}
