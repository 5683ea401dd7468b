import { once } from 'node:events';
import { WebSocket, type RawData } from 'ws';
import { packMessage, SUBPROTOCOLS, unpackMessage, type Encoding } from '../../protocol/index.js';
import type { Endpoint } from '../../server/index.js';
import { until, untilFound } from './until.js';

export interface RawClientOptions {
  readonly encoding?: Encoding;
  readonly subprotocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A WebSocket that keeps every message, with nothing in between: what is on the wire is what a test sees. */
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

  /** @throws Error where the handshake is refused. */
  static async connect(endpoint: Endpoint, options: RawClientOptions = {}): Promise<RawClient> {
    const encoding = options.encoding ?? 'msgpack';
    const headers = options.headers ?? { authorization: `Bearer ${endpoint.token}` };
    const subprotocols = [...(options.subprotocols ?? [SUBPROTOCOLS[encoding]])];
    const socket = new WebSocket(endpoint.url, subprotocols, { headers, perMessageDeflate: false });
    const client = new RawClient(socket, encoding);
    await once(socket, 'open');
    return client;
  }

  send(message: readonly unknown[]): void {
    this.socket.send(this.encoding === 'msgpack' ? packMessage(message) : JSON.stringify(message));
  }

  /** The first message of a type, once it has come. */
  async received(type: number, nth = 0): Promise<unknown[]> {
    return untilFound(`message ${String(type)} comes`, () => this.messages.filter(([first]) => first === type)[nth]);
  }

  async untilClosed(): Promise<{ readonly code: number; readonly reason: string }> {
    await until('the socket is closed', () => this.closed !== undefined);
    return this.closed!;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.untilClosed();
  }
}
