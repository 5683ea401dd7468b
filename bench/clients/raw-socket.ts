import { connect, type Socket } from 'node:net';
import { FrameStream } from './frame-stream.js';
import type { PayloadReader } from './payload-reader.js';

/** How a client of one contender connects and reads. */
export interface WireFormat {
  readonly headers: readonly string[];
  /** Payloads sent once the socket is open. */
  readonly greeting: readonly Uint8Array[];
  reader(): PayloadReader;
}

/** Wraps the reader of a connection's format. */
export type WrapReader = (reader: PayloadReader) => PayloadReader;

/** All sockets read into the same memory, because each chunk is handled before the next one is read. */
const shared = Buffer.allocUnsafeSlow(262_144);
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** A minimal WebSocket client: no event emitters, no copies, no decoding. */
export class RawSocket {
  readonly reader: PayloadReader;
  readonly #socket: Socket;
  readonly #frames: FrameStream;
  #phase: 'handshake' | 'open' | 'closed' = 'handshake';
  #head = Buffer.alloc(0);

  constructor(
    url: URL,
    private readonly format: WireFormat,
    /** Called after each chunk that was read. */
    private readonly progress: (socket: RawSocket) => void,
    wrap: WrapReader = (reader) => reader,
  ) {
    this.reader = wrap(format.reader());
    const closed = (): void => {
      this.#phase = 'closed';
    };
    this.#frames = new FrameStream(this.reader, { ping: () => this.#pong(), closed });
    const callback = (bytes: number): boolean => {
      this.#read(shared.subarray(0, bytes));
      return true;
    };
    const options = { host: url.hostname, port: Number(url.port), onread: { buffer: shared, callback } };
    this.#socket = connect(options, () => this.#socket.write(handshake(url, format)));
    this.#socket.setNoDelay(true).on('close', closed);
  }

  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  /** Whether the socket is open and the server has sent its first messages. */
  get isReady(): boolean {
    return this.#phase === 'open' && this.reader.isReady;
  }

  /** Closes at once. Queued bytes are dropped. */
  close(): void {
    this.#socket.destroy();
  }

  /** Stops reading, as a client that hangs does. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  send(payload: Uint8Array, opcode = 2): void {
    this.#socket.write(maskedFrame(payload, opcode));
  }

  #read(chunk: Buffer): void {
    if (this.#phase === 'handshake') this.#readHead(chunk);
    else this.#frames.push(chunk, 0, chunk.length);
    this.progress(this);
  }

  #readHead(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const status = this.#head.toString('latin1', 9, 12);
    if (status !== '101') throw new Error(`the server answers ${this.#head.toString('latin1', 0, end)}`);
    this.#phase = 'open';
    for (const payload of this.format.greeting) this.send(payload);
    const rest = this.#head.subarray(end + END_OF_HEAD.length);
    this.#head = Buffer.alloc(0);
    if (rest.length > 0) this.#frames.push(rest, 0, rest.length);
  }

  #pong(): void {
    this.send(Buffer.alloc(0), 10);
  }
}

function handshake(url: URL, { headers }: WireFormat): string {
  return [
    `GET ${url.pathname} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: bXVzZS1idXMtYmVuY2gtMQ==',
    'Sec-WebSocket-Version: 13',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** Returns a client's frame. It must be masked; a mask of zeros leaves the payload unchanged. */
function maskedFrame(payload: Uint8Array, opcode: number): Buffer {
  const isShort = payload.length < 126;
  const frame = Buffer.alloc((isShort ? 6 : 8) + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (isShort ? payload.length : 126);
  if (!isShort) frame.writeUInt16BE(payload.length, 2);
  frame.set(payload, frame.length - payload.length);
  return frame;
}
