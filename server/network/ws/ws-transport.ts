import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { CloseCode, Encoding } from '../../../protocol/index.js';
import { isHandshake } from '../access-policy.js';
import { REQUEST_HEAD_MS } from '../http-bounds.js';
import { withSecurityHeaders } from '../security-headers.js';
import { CLOSE_TIMEOUT_MS } from '../transport.js';
import { readTls, type TlsFiles } from '../../config/tls-files.js';
import type { Connection } from '../../sessions/connection.js';
import {
  isStream,
  type ListenOptions,
  type SocketOwner,
  type Transport,
  type TransportHandlers,
} from '../transport.js';
import {
  answerMalformed,
  FirstRequests,
  headOf,
  refuse,
  refuseVersion,
  reply,
  UnauthenticatedConnections,
} from './ws-requests.js';
import { WsSocket } from './ws-socket.js';
import { streamReply } from './ws-stream.js';
import { text } from '../reply.js';

/** Bounds that Node enforces while it reads a request. Sizes in bytes, times in milliseconds. */
const REQUEST_BOUNDS: ServerOptions = {
  maxHeaderSize: 10_240,
  headersTimeout: REQUEST_HEAD_MS,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  // The access policy checks Host itself, including a second one.
  requireHostHeader: false,
};
const TLS_HANDSHAKE_MS = 10_000;

/** The arguments of Node's event `upgrade`. */
interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly stream: Duplex;
  readonly head: Buffer;
}

/** The objects that one listening server uses. */
interface Serving {
  readonly sockets: WebSocketServer;
  /** The subprotocol that was chosen, by request. */
  readonly subprotocols: WeakMap<IncomingMessage, string>;
  readonly options: ListenOptions;
  readonly handlers: TransportHandlers;
  readonly pending: UnauthenticatedConnections;
}

/** The engine `ws`. It needs no native code, so it runs wherever Node runs. */
export class WsTransport implements Transport {
  readonly name = 'ws';
  readonly #clients = new Map<WebSocket, Client>();
  readonly #requests = new FirstRequests();
  #server: Server | undefined;
  #tls: TlsFiles | undefined;
  #pinging: NodeJS.Timeout | undefined;

  async listen(options: ListenOptions, handlers: TransportHandlers): Promise<number> {
    const { sharePort = false } = options;
    const subprotocols = new WeakMap<IncomingMessage, string>();
    const sockets = new WebSocketServer({
      noServer: true,
      // Up to twice the limit a message still reaches the session, which answers with the name of the limit before it closes.
      maxPayload: 2 * options.maxPayloadBytes,
      perMessageDeflate: false,
      // The access policy has chosen it when it accepted the request.
      handleProtocols: (_offered, request) => subprotocols.get(request) ?? false,
    });
    const pending = new UnauthenticatedConnections(options, handlers);
    const server = this.#create(options.tls, (request, response) => {
      if (!this.#requests.countRequest(request.socket)) return;
      const answer = refuseVersion(request, false) ?? handlers.http(headOf(request));
      // The answer then carries `connection: close`, and Node closes the connection after it.
      const mayContinue =
        !isStream(answer) && answer.mayContinue === true && this.#requests.allowOneMore(request.socket);
      if (!mayContinue) response.shouldKeepAlive = false;
      if (answer.authenticated) pending.authenticated(request.socket);
      if (isStream(answer)) streamReply(response, request.method, answer);
      else reply(response, request.method, answer);
    });
    this.#server = server;
    server.on('upgrade', (request, stream, head) => {
      this.#upgrade({ request, stream, head }, { sockets, subprotocols, options, handlers, pending });
    });
    // Node removes its own error listener from a connection at an upgrade, even while an answer is still being written to it.
    server.on('secureConnection', ignoreError);
    server.on('connection', ignoreError);
    server.on('connection', (socket: NetSocket) => {
      pending.add(socket);
    });
    server.on('connect', (request: IncomingMessage, stream: Duplex) => {
      if (this.#requests.countRequest(request.socket)) refuse(stream, NO_PATH);
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

  /** New connections get the new certificate. The server has a valid one at every moment. */
  reloadTls(): Promise<void> {
    if (this.#tls && this.#server instanceof TlsServer) this.#server.setSecureContext(readTls(this.#tls));
    return Promise.resolve();
  }

  #create(tls: TlsFiles | undefined, onRequest: (request: IncomingMessage, response: ServerResponse) => void): Server {
    this.#tls = tls;
    const server = tls
      ? createTlsServer({ ...REQUEST_BOUNDS, ...readTls(tls), handshakeTimeout: TLS_HANDSHAKE_MS }, onRequest)
      : createServer(REQUEST_BOUNDS, onRequest);
    // No bound on their number: the headers are bounded by their size, and the access policy would not see a dropped one.
    server.maxHeadersCount = 0;
    // Node would answer an `Expect` that it does not know itself, and serve any number of such requests on one connection.
    server.on('checkExpectation', onRequest);
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
    const timeout = setTimeout(() => {
      for (const client of this.#clients.keys()) client.terminate();
      this.#server?.closeAllConnections();
    }, CLOSE_TIMEOUT_MS);
    this.#server?.closeIdleConnections();
    await closed;
    clearTimeout(timeout);
  }

  #upgrade({ request, stream, head }: UpgradeRequest, serving: Serving): void {
    const { sockets, subprotocols, options, handlers, pending } = serving;
    if (!this.#requests.countRequest(request.socket)) {
      stream.destroy();
      return;
    }
    const requestHead = headOf(request);
    // Node also emits `upgrade` for a request that offers any other protocol, such as h2c.
    const isWebSocket = isHandshake(requestHead);
    const wrongVersion = refuseVersion(request, isWebSocket);
    if (wrongVersion || !isWebSocket) {
      const answer = wrongVersion ?? handlers.http(requestHead);
      refuse(stream, isStream(answer) ? NO_UPGRADE : answer, requestHead.method);
      return;
    }
    const answer = handlers.upgrade(requestHead);
    if (!answer.accept) {
      refuse(stream, answer.reply, requestHead.method);
      return;
    }
    pending.authenticated(request.socket);
    const { encoding, subprotocol, owner } = answer;
    if (subprotocol !== undefined) subprotocols.set(request, subprotocol);
    sockets.handleUpgrade(request, stream, head, (client) => {
      this.#open(client, stream, encoding, options, owner);
    });
  }

  #open(client: WebSocket, stream: Duplex, encoding: Encoding, options: ListenOptions, owner: SocketOwner): void {
    const written = (): void => {
      connection.drained();
    };
    const state: Client = { alive: true, written };
    this.#clients.set(client, state);
    const remote = (stream as Partial<NetSocket>).remoteAddress ?? '';
    const socket = new WsSocket(client, encoding === 'msgpack', options.maxBackpressureBytes, remote, written);
    const connection: Connection = owner.open(socket, encoding);
    client.on('message', (payload: RawData, isBinary: boolean) => {
      state.alive = true;
      connection.message(asBytes(payload), isBinary);
    });
    client.on('pong', () => {
      state.alive = true;
      connection.control();
    });
    // The library answers by itself, and its pong may be all that is queued. The empty write reports when it has left the queue.
    client.on('ping', () => {
      state.alive = true;
      if (client.bufferedAmount > 0 && stream.writable) stream.write(NOTHING, written);
      connection.control();
    });
    // The event `close`, which follows, reports a broken connection.
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
  /** Whether the client has sent anything since the last ping. */
  alive: boolean;
  /** The callback of everything that is written to the client: its queue has become shorter. */
  readonly written: () => void;
}

const NOTHING = Buffer.alloc(0);

function asBytes(payload: RawData): Uint8Array {
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  return Array.isArray(payload) ? Buffer.concat(payload) : payload;
}

const NO_PATH = withSecurityHeaders(text(400, 'the request target must be a path that begins with /'));
const NO_UPGRADE = withSecurityHeaders(text(400, 'send this request without Upgrade'));

/** The event `close`, which follows, reports a broken connection. */
function ignoreError(socket: Duplex): void {
  socket.on('error', () => undefined);
}
