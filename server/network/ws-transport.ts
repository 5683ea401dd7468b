import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { CloseCode, type Encoding } from '../../protocol/index.js';
import { PendingConnections } from './pending-connections.js';
import { reasonPhrase } from './refusal.js';
import { isHandshake } from './access-policy.js';
import { LAST_WORD_MS, REQUEST_HEAD_MS } from './http-bounds.js';
import { refusal } from './refusal.js';
import { withSecurityHeaders } from './security-headers.js';
import { OptionError } from '../config/option-error.js';
import { CLOSE_TIMEOUT_MS } from './transport.js';
import { readTls, type TlsFiles } from '../config/tls-files.js';
import type { SendResult, Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';
import {
  isStream,
  type HttpReply,
  type ListenOptions,
  type RequestHead,
  type Transport,
  type TransportHandlers,
} from './transport.js';
import { streamReply } from './ws-stream.js';

/** What bounds a request before anyone has looked at it. Sizes in bytes, times in milliseconds. */
const REQUEST_BOUNDS: ServerOptions = {
  maxHeaderSize: 10_240,
  headersTimeout: REQUEST_HEAD_MS,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  // The door looks at Host, and at all of them.
  requireHostHeader: false,
};
const TLS_HANDSHAKE_MS = 10_000;

/** The engine that runs wherever Node does. */
export class WsTransport implements Transport {
  readonly name = 'ws';
  readonly #clients = new Map<WebSocket, Client>();
  readonly #requests = new FirstRequests();
  #server: Server | undefined;
  #tls: TlsFiles | undefined;
  #pinging: NodeJS.Timeout | undefined;

  async listen(options: ListenOptions, handlers: TransportHandlers): Promise<number> {
    const { sharePort = false } = options;
    if (sharePort && !canSharePort()) {
      throw new OptionError(
        `Node ${process.versions.node} cannot share a port: use Node 22.12 or later, or the engine uWebSockets.js (--transport uws)`,
      );
    }
    const sockets = new WebSocketServer({
      noServer: true,
      // A message that is too long but not absurd is answered with the limit's name before its sender is closed.
      maxPayload: 2 * options.maxPayloadBytes,
      perMessageDeflate: false,
      // Which subprotocol is ours has been decided at the door.
      handleProtocols: () => false,
    });
    const pending = new UnauthenticatedConnections(options, handlers);
    const server = this.#create(options.tls, (request, response) => {
      if (!this.#requests.isFirst(request.socket)) return;
      const answer = handlers.http(headOf(request));
      // Says so in the answer, and closes after it.
      const mayContinue =
        !isStream(answer) && answer.mayContinue === true && this.#requests.allowOneMore(request.socket);
      if (!mayContinue) response.shouldKeepAlive = false;
      if (answer.authenticated) pending.authenticated(request.socket);
      if (isStream(answer)) streamReply(response, request.method, answer);
      else reply(response, request.method, answer);
    });
    this.#server = server;
    server.on('upgrade', (request, stream, head) => {
      this.#upgrade(sockets, request, stream, head, options, handlers, pending);
    });
    // Node takes its own listener away when a connection asks to become something else, whatever is still being written to it.
    server.on('secureConnection', ignoreError);
    server.on('connection', ignoreError);
    server.on('connection', (socket: NetSocket) => {
      pending.add(socket);
    });
    server.on('connect', (request: IncomingMessage, stream: Duplex) => {
      if (this.#requests.isFirst(request.socket)) refuse(stream, NO_PATH);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, stream: Duplex) => {
      if (this.#requests.has(stream)) stream.end(() => stream.destroy());
      else answerMalformed(error, stream);
    });
    this.#pinging = setInterval(() => {
      this.#dropSilent();
    }, options.idleTimeoutMs / 2);
    this.#pinging.unref();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port, exclusive: true, reusePort: sharePort }, resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  /** Connections to come are shown the new certificate; there is no moment without one. */
  reloadTls(): Promise<void> {
    if (this.#tls && this.#server instanceof TlsServer) this.#server.setSecureContext(readTls(this.#tls));
    return Promise.resolve();
  }

  #create(tls: TlsFiles | undefined, onRequest: (request: IncomingMessage, response: ServerResponse) => void): Server {
    this.#tls = tls;
    const server = tls
      ? createTlsServer({ ...REQUEST_BOUNDS, ...readTls(tls), handshakeTimeout: TLS_HANDSHAKE_MS }, onRequest)
      : createServer(REQUEST_BOUNDS, onRequest);
    // Bounded by their size already; a header dropped for its number would escape the door.
    server.maxHeadersCount = 0;
    return server;
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
    }, CLOSE_TIMEOUT_MS);
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
    pending: UnauthenticatedConnections,
  ): void {
    if (!this.#requests.isFirst(request.socket)) {
      stream.destroy();
      return;
    }
    const requestHead = headOf(request);
    // Node takes a request that offers any other protocol, such as h2c, for an upgrade.
    if (!isHandshake(requestHead)) {
      const answer = handlers.http(requestHead);
      refuse(stream, isStream(answer) ? NO_UPGRADE : answer);
      return;
    }
    const answer = handlers.upgrade(requestHead);
    if (!answer.accept) {
      refuse(stream, answer.reply);
      return;
    }
    pending.authenticated(request.socket);
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
    const written = (): void => {
      connection.drained();
    };
    const state: Client = { alive: true, written };
    this.#clients.set(client, state);
    const remote = (stream as Partial<NetSocket>).remoteAddress ?? '';
    const socket = new WsSocket(client, encoding === 'msgpack', options.maxBackpressureBytes, remote, written);
    const connection: Connection = handlers.open(socket, encoding);
    client.on('message', (payload: RawData, isBinary: boolean) => {
      state.alive = true;
      connection.message(asBytes(payload), isBinary);
    });
    client.on('pong', () => {
      state.alive = true;
      connection.control();
    });
    // The answer, which the library has written by itself, may be all that waits.
    client.on('ping', () => {
      state.alive = true;
      if (client.bufferedAmount > 0 && stream.writable) stream.write(NOTHING, written);
      connection.control();
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
      client.ping(undefined, undefined, state.written);
    }
  }
}

interface Client {
  /** Something has come from it since it was last pinged. */
  alive: boolean;
  /** Passed with everything that is written to it. */
  readonly written: () => void;
}

const NOTHING = Buffer.alloc(0);

class WsSocket implements Socket {
  constructor(
    private readonly client: WebSocket,
    private readonly isBinary: boolean,
    private readonly maxBackpressureBytes: number,
    readonly remote: string,
    /**
     * Called when what was written has left the queue. A stream's own `drain` comes only after a write that has reached its
     * high-water mark (16 or 64 KiB, as Node's version has it), and a session waits at a bound of its own.
     */
    private readonly written: () => void,
  ) {}

  send(frame: Uint8Array): SendResult {
    const { client } = this;
    if (client.readyState !== client.OPEN || client.bufferedAmount > this.maxBackpressureBytes) return 'dropped';
    client.send(frame, { binary: this.isBinary }, this.written);
    return client.bufferedAmount === 0 ? 'sent' : 'queued';
  }

  get queuedBytes(): number {
    return this.client.bufferedAmount;
  }

  close(code: CloseCode, reason: string): void {
    const { client } = this;
    client.close(code, reason);
    if (code !== CloseCode.tooMany && code !== CloseCode.tooLarge) return;
    // Whoever has broken a limit is no longer read, so that a flood ends with it; the answer to the close is not waited for.
    client.pause();
    setTimeout(() => {
      client.terminate();
    }, LAST_WORD_MS).unref();
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

/** Behind its first, a connection may have sent so many requests in one piece; they are not answered. */
const MAX_UNANSWERED_REQUESTS = 16;

/** Tells a connection's first request from those that are not served. */
class FirstRequests {
  readonly #counts = new WeakMap<Duplex, number>();
  readonly #continued = new WeakSet<Duplex>();

  has(socket: Duplex): boolean {
    return this.#counts.has(socket);
  }

  /** Counts a request; a connection that floods is ended. */
  isFirst(socket: NetSocket): boolean {
    const count = this.#counts.get(socket) ?? 0;
    this.#counts.set(socket, count + 1);
    if (count > MAX_UNANSWERED_REQUESTS) socket.destroy();
    return count === 0;
  }

  /** The next request counts as the first. @returns whether it may: that is given once. */
  allowOneMore(socket: NetSocket): boolean {
    if (this.#continued.has(socket)) return false;
    this.#continued.add(socket);
    this.#counts.delete(socket);
    return true;
  }
}

/** The connections that have not been let in, known by their ports: TLS wraps one socket in another. */
class UnauthenticatedConnections {
  readonly #pending: PendingConnections;
  readonly #byPort = new Map<string, { readonly address: string; close(): void }>();

  constructor(
    { maxPendingConnections }: ListenOptions,
    private readonly handlers: TransportHandlers,
  ) {
    this.#pending = new PendingConnections(maxPendingConnections);
  }

  add(socket: NetSocket): void {
    const key = portOf(socket);
    const connection = {
      address: socket.remoteAddress ?? '',
      close: () => {
        refuse(socket, TOO_MANY_PENDING);
        socket.destroySoon();
      },
    };
    this.#byPort.set(key, connection);
    socket.once('close', () => {
      if (this.#byPort.get(key) === connection) this.#byPort.delete(key);
      this.#pending.delete(connection);
    });
    if (this.#pending.add(connection)) this.handlers.pendingOverflow(connection.address);
  }

  authenticated(socket: NetSocket): void {
    const connection = this.#byPort.get(portOf(socket));
    if (connection) this.#pending.delete(connection);
  }
}

const portOf = (socket: NetSocket): string => `${socket.remoteAddress ?? ''} ${String(socket.remotePort)}`;

const NO_PATH = withSecurityHeaders(refusal(400, 'ask for a path, beginning with /'));
const NO_UPGRADE = withSecurityHeaders(refusal(400, 'ask without Upgrade'));

const TOO_MANY_PENDING = withSecurityHeaders(
  refusal(503, 'too many connections of this address have not been let in (max_pending_connections)'),
);

/** A broken connection is told by the close that follows. */
function ignoreError(socket: Duplex): void {
  socket.on('error', () => undefined);
}

/** What is no HTTP request gets an answer all the same. */
function answerMalformed(error: NodeJS.ErrnoException, stream: Duplex): void {
  if (!stream.writable || error.code === 'ECONNRESET') {
    stream.destroy();
    return;
  }
  const isLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const why = isLarge ? 'the headers are too large' : isLate ? 'the request took too long' : 'this is no HTTP request';
  refuse(stream, withSecurityHeaders(refusal(isLarge ? 431 : isLate ? 408 : 400, why)));
}

function reply(response: ServerResponse, method: string | undefined, { status, headers, body }: HttpReply): void {
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length }).end(method === 'HEAD' ? '' : body);
}

function refuse(stream: Duplex, { status, headers, body }: HttpReply): void {
  const fields = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const head = [
    `HTTP/1.1 ${String(status)} ${reasonPhrase(status)}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
  ];
  stream.on('error', () => undefined);
  stream.end(`${head.join('\r\n')}\r\n\r\n${String(body)}`);
}

/** Earlier ones take the option, and do nothing about it. */
function canSharePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
