import type { PayloadReader } from './payload-reader.js';

const NEWLINE = 0x0a;
/** The longest line: `MSG ` and its arguments. */
const MAX_LINE = 4_096;

/** Reads NATS' text protocol, whose lines may begin anywhere in the WebSocket's frames: `MSG subject sid bytes`, then the bytes. */
export class NatsReader implements PayloadReader {
  events = 0;
  isReady = false;
  readonly #line = Buffer.alloc(MAX_LINE);
  #lineLength = 0;
  /** Bytes of a payload still to come, with its own line end. */
  #skip = 0;

  read(buffer: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, to - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const found = buffer.subarray(at, to).indexOf(NEWLINE);
      const end = found < 0 ? to : at + found + 1;
      buffer.copy(this.#line, this.#lineLength, at, end);
      this.#lineLength += end - at;
      at = end;
      if (found >= 0) this.#endLine();
    }
  }

  #endLine(): void {
    const line = this.#line.toString('latin1', 0, this.#lineLength);
    this.#lineLength = 0;
    if (line.startsWith('MSG ')) {
      this.events++;
      this.#skip = Number(line.slice(line.lastIndexOf(' ') + 1)) + 2;
    } else if (line.startsWith('PONG')) this.isReady = true;
    else if (line.startsWith('-ERR')) throw new Error(`nats-server: ${line}`);
  }
}
