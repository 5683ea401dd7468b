import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PendingConnections, TOO_MANY_PENDING } from '../pending-connections.js';
import { withSecurityHeaders } from '../security-headers.js';
import type { HttpReply, ListenOptions, RequestHead, TransportHandlers } from '../transport.js';
import { reasonPhrase, text } from '../reply.js';

/** Returns the head of a request, with all headers as they arrived. */
export function headOf(request: IncomingMessage): RequestHead {
  const headers: [string, string][] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.push([request.rawHeaders[i]!.toLowerCase(), request.rawHeaders[i + 1]!]);
  }
  const target = request.url ?? '/';
  // Only the first `?` ends the path: `?address=src/a?.py` asks about a pattern.
  const end = target.includes('?') ? target.indexOf('?') : target.length;
  return {
    method: request.method ?? 'GET',
    path: target.slice(0, end),
    query: target.slice(end + 1),
    headers,
    remoteAddress: request.socket.remoteAddress ?? '',
  };
}

/** Returns the refusal of a version that is not served: a handshake needs 1.1. */
export function refuseVersion({ httpVersion }: IncomingMessage, isHandshake: boolean): HttpReply | undefined {
  if (httpVersion === '1.1' || (httpVersion === '1.0' && !isHandshake)) return undefined;
  return withSecurityHeaders(text(505, 'send this request as HTTP/1.1'));
}

/** How many requests a connection may send after the first one, in one piece with it. They are not answered. */
const MAX_UNANSWERED_REQUESTS = 16;

/** Counts the requests of each connection: the first is served, those after it are not. */
export class FirstRequests {
  readonly #counts = new WeakMap<Duplex, number>();
  readonly #continued = new WeakSet<Duplex>();

  has(socket: Duplex): boolean {
    return this.#counts.has(socket);
  }

  /** Counts a request, and ends a connection that sends too many. @returns whether it is the first one. */
  countRequest(socket: NetSocket): boolean {
    const count = this.#counts.get(socket) ?? 0;
    this.#counts.set(socket, count + 1);
    if (count > MAX_UNANSWERED_REQUESTS) socket.destroy();
    return count === 0;
  }

  /** Makes the next request count as the first, once per connection. @returns whether this was that one time. */
  allowOneMore(socket: NetSocket): boolean {
    if (this.#continued.has(socket)) return false;
    this.#continued.add(socket);
    this.#counts.delete(socket);
    return true;
  }
}

/** The unauthenticated connections, by address and port: TLS wraps one socket in another, so the object does not identify a connection. */
export class UnauthenticatedConnections {
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

/** What Node's parser refuses, by its codes. */
const MALFORMED: ReadonlyMap<string, readonly [status: number, why: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'the headers are too large']],
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'the request took too long']],
  ['HPE_INVALID_URL', [400, 'the request target must be in percent-encoding: write é as %C3%A9, and a space as %20']],
]);

/** Answers input that is no HTTP request. */
export function answerMalformed(error: NodeJS.ErrnoException, stream: Duplex): void {
  if (!stream.writable || error.code === 'ECONNRESET') {
    stream.destroy();
    return;
  }
  const [status, why] = MALFORMED.get(error.code ?? '') ?? [400, 'this is no HTTP request'];
  refuse(stream, withSecurityHeaders(text(status, why)));
}

export function reply(
  response: ServerResponse,
  method: string | undefined,
  { status, headers, body }: HttpReply,
): void {
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length }).end(method === 'HEAD' ? '' : body);
}

export function refuse(stream: Duplex, { status, headers, body }: HttpReply, method = 'GET'): void {
  const fields = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const head = [
    `HTTP/1.1 ${String(status)} ${reasonPhrase(status)}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
  ];
  stream.on('error', () => undefined);
  stream.end(`${head.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : String(body)}`);
}
