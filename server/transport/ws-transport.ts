import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { CloseCode, Encoding } from '../../protocol/index.js';
import { reasonPhrase } from './reason-phrase.js';
import {
  isStream,
  type Connection,
  type HttpReply,
  type ListenOptions,
  type RequestHead,
  type SendResult,
  type Socket,
  type Transport,
  type TransportHandlers,
} from './transport.js';
import { streamReply } from './ws-stream.js';

/** How long closed sockets may take to say goodbye. */
const GOODBYE_MS = 500;

/** The engine that runs wherever Node does. */
export class WsTransport implements Transport {
  readonly name = 'ws';
  readonly #clients = new Map<WebSocket, { alive: boolean }>();
  #server: Server | undefined;
  #pinging: NodeJS.Timeout | undefined;

  async listen(options: ListenOptions, handlers: TransportHandlers): Promise<number> {
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: options.maxPayloadBytes,
      perMessageDeflate: false,
      // Which subprotocol is ours has been decided at the door.
      handleProtocols: () => false,
    });
    const server = createServer((request, response) => {
      const answer = handlers.http(headOf(request));
      if (isStream(answer)) streamReply(response, request.method, answer);
      else reply(response, request.method, answer);
    });
    this.#server = server;
    server.on('upgrade', (request, stream, head) => {
      this.#upgrade(sockets, request, stream, head, options, handlers);
    });
    this.#pinging = setInterval(() => {
      this.#dropSilent();
    }, options.idleTimeoutMs / 2);
    this.#pinging.unref();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port, exclusive: true }, resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  async stop(code: CloseCode, reason: string): Promise<void> {
    clearInterval(this.#pinging);
    const closed = new Promise<void>((resolve) => {
      if (this.#server)
        this.#server.close(() => {
          resolve();
        });
      else resolve();
    });
    for (const client of this.#clients.keys()) client.close(code, reason);
    const impatience = setTimeout(() => {
      for (const client of this.#clients.keys()) client.terminate();
      this.#server?.closeAllConnections();
    }, GOODBYE_MS);
    this.#server?.closeIdleConnections();
    await closed;
    clearTimeout(impatience);
  }

  #upgrade(
    sockets: WebSocketServer,
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    options: ListenOptions,
    handlers: TransportHandlers,
  ): void {
    const answer = handlers.upgrade(headOf(request));
    if (!answer.accept) {
      refuse(stream, answer.reply);
      return;
    }
    const { encoding, subprotocol } = answer;
    sockets.options.handleProtocols = () => subprotocol ?? false;
    sockets.handleUpgrade(request, stream, head, (client) => {
      this.#open(client, stream, encoding, options, handlers);
    });
  }

  #open(
    client: WebSocket,
    stream: Duplex,
    encoding: Encoding,
    options: ListenOptions,
    handlers: TransportHandlers,
  ): void {
    const state = { alive: true };
    this.#clients.set(client, state);
    const remote = (stream as Partial<NetSocket>).remoteAddress ?? '';
    const socket = new WsSocket(client, encoding === 'msgpack', options.maxBackpressureBytes, remote);
    const connection: Connection = handlers.open(socket, encoding);
    client.on('message', (payload: RawData, isBinary: boolean) => {
      state.alive = true;
      connection.message(asBytes(payload), isBinary);
    });
    client.on('pong', () => {
      state.alive = true;
    });
    stream.on('drain', () => {
      connection.drained();
    });
    // A broken connection is told by the close that follows.
    client.on('error', () => undefined);
    client.on('close', () => {
      this.#clients.delete(client);
      connection.closed();
    });
  }

  #dropSilent(): void {
    for (const [client, state] of this.#clients) {
      if (!state.alive) client.terminate();
      state.alive = false;
      client.ping();
    }
  }
}

class WsSocket implements Socket {
  constructor(
    private readonly client: WebSocket,
    private readonly isBinary: boolean,
    private readonly maxBackpressureBytes: number,
    readonly remote: string,
  ) {}

  send(frame: Uint8Array): SendResult {
    const { client } = this;
    if (client.readyState !== client.OPEN || client.bufferedAmount > this.maxBackpressureBytes) return 'dropped';
    client.send(frame, { binary: this.isBinary });
    return client.bufferedAmount === 0 ? 'sent' : 'queued';
  }

  get queuedBytes(): number {
    return this.client.bufferedAmount;
  }

  close(code: CloseCode, reason: string): void {
    this.client.close(code, reason);
  }
}

function asBytes(payload: RawData): Uint8Array {
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  return Array.isArray(payload) ? Buffer.concat(payload) : payload;
}

function headOf(request: IncomingMessage): RequestHead {
  const headers: [string, string][] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.push([request.rawHeaders[i]!.toLowerCase(), request.rawHeaders[i + 1]!]);
  }
  const [path, query] = (request.url ?? '/').split('?', 2) as [string, string?];
  return {
    method: request.method ?? 'GET',
    path,
    query: query ?? '',
    headers,
    remoteAddress: request.socket.remoteAddress ?? '',
  };
}

function reply(response: ServerResponse, method: string | undefined, { status, headers, body }: HttpReply): void {
  const length = { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length }).end(method === 'HEAD' ? '' : body);
}

function refuse(stream: Duplex, { status, headers, body }: HttpReply): void {
  const head = [
    `HTTP/1.1 ${String(status)} ${reasonPhrase(status)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${String(Buffer.byteLength(body))}`,
    'connection: close',
  ];
  stream.on('error', () => undefined);
  stream.end(`${head.join('\r\n')}\r\n\r\n${String(body)}`);
}
