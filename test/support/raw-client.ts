import { once } from 'node:events';
import { WebSocket, type RawData } from 'ws';
import { MessageType, packMessage, SUBPROTOCOLS, unpackMessage, type Encoding } from '../../protocol/index.js';
import type { Endpoint } from '../../server/index.js';
import { until, untilFound } from './until.js';

export interface RawClientOptions {
  readonly encoding?: Encoding;
  readonly subprotocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A WebSocket without the SDK: it keeps every message that arrives, and sends anything. */
export class RawClient {
  readonly messages: unknown[][] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(
    readonly socket: WebSocket,
    private readonly encoding: Encoding,
  ) {
    socket.on('message', (payload: RawData, isBinary: boolean) => {
      const bytes = payload as Buffer;
      this.messages.push((isBinary ? unpackMessage(bytes) : JSON.parse(bytes.toString())) as unknown[]);
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => undefined);
  }

  /**
   * Connects to a server, and accepts any certificate.
   * @throws Error where the server refuses the handshake
   */
  static async connect(endpoint: Pick<Endpoint, 'url' | 'token'>, options: RawClientOptions = {}): Promise<RawClient> {
    const encoding = options.encoding ?? 'msgpack';
    const headers = options.headers ?? { authorization: `Bearer ${endpoint.token}` };
    const subprotocols = [...(options.subprotocols ?? [SUBPROTOCOLS[encoding]])];
    const settings = { headers, perMessageDeflate: false, rejectUnauthorized: false };
    const client = new RawClient(new WebSocket(endpoint.url, subprotocols, settings), encoding);
    await once(client.socket, 'open');
    return client;
  }

  /** Connects, and waits for `welcome`. */
  static async welcomed(endpoint: Pick<Endpoint, 'url' | 'token'>, options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(endpoint, options);
    await client.received(MessageType.welcome);
    return client;
  }

  send(message: unknown): void {
    this.socket.send(this.encoding === 'msgpack' ? packMessage(message) : JSON.stringify(message));
  }

  /** Sends bytes as a binary frame, or text as a text frame. */
  raw(payload: Uint8Array | string): void {
    this.socket.send(payload, { binary: typeof payload !== 'string' });
  }

  /** Waits for a message of a type. `which` is its index among the messages of this type, or a test that it passes. */
  received(type: number, which: number | ((message: unknown[]) => boolean) = 0): Promise<unknown[]> {
    return untilFound(`message ${String(type)} arrives`, () => {
      const ofType = this.messages.filter(([first]) => first === type);
      return typeof which === 'number' ? ofType[which] : ofType.find(which);
    });
  }

  /** Sends a payload, and waits for the `error` message that answers it. */
  async refusal(payload: Uint8Array | string): Promise<unknown[]> {
    const before = this.messages.filter(([type]) => type === MessageType.error).length;
    this.raw(payload);
    return this.received(MessageType.error, before);
  }

  /** Sends a ping. @returns whether the server answers it, and does not close */
  async isAlive(): Promise<boolean> {
    const nonce = Math.floor(Math.random() * 2 ** 32);
    this.send([MessageType.ping, nonce]);
    const isPong = ([type, echoed]: unknown[]): boolean => type === MessageType.pong && echoed === nonce;
    await until('a pong or a close arrives', () => this.closed !== undefined || this.messages.some(isPong));
    return this.closed === undefined;
  }

  async untilClosed(): Promise<{ readonly code: number; readonly reason: string }> {
    await until('the socket is closed', () => this.closed !== undefined);
    return this.closed!;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.untilClosed();
  }

  /** Ends the socket at once, without a close frame. */
  terminate(): void {
    this.socket.terminate();
  }
}
