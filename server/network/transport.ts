import type { CloseCode, Encoding } from '../../protocol/index.js';
import type { Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';
import type { TlsFiles } from '../config/tls-files.js';

/** How long a stopping server waits for clients that read slowly to receive the close frame. Then it cuts their connections. */
export const CLOSE_TIMEOUT_MS = 1_500;

/** The head of a request. No part of it has been checked. */
export interface RequestHead {
  /** In upper case. */
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** In the order of the request, with names in lower case. A header that is sent twice is here twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly remoteAddress: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** The request carried the token, so its connection no longer counts as unauthenticated. @default false */
  readonly authenticated?: boolean;
  /** One more request may follow on the same connection. After any other answer the connection is closed. @default false */
  readonly mayContinue?: boolean;
}

/** Takes the bytes of a streaming reply. After the client has closed, or after `end`, every call is harmless. */
export interface HttpWriter {
  /** @returns `queued` if the bytes are kept because the kernel takes no more for now. */
  write(bytes: Uint8Array): 'sent' | 'queued';
  /** Bytes that were written and that the kernel has not taken. An upper bound if the engine does not report the number. */
  readonly queuedBytes: number;
  /** Sends what is queued, then ends the reply. */
  end(): void;
}

/** Writes the body of a streaming reply. The transport calls it. */
export interface HttpSource {
  /** The writer's queue has become shorter, under the same terms as {@link Connection.drained}. */
  drained(): void;
  /** The client has closed the connection. Not called after `end`. */
  closed(): void;
}

/** A reply whose body is written in pieces. Its status and headers are sent before `open` is called. */
export interface HttpStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly authenticated?: boolean;
  /**
   * Text without a meaning between two pieces, at least one byte. It is written when the native engine sends what it keeps only with the
   * next write.
   */
  readonly filler: string;
  /** Called for GET; HEAD has no body. */
  open(writer: HttpWriter): HttpSource;
}

/** The answer to an HTTP request that is no WebSocket handshake: whole, or a stream. */
export type HttpAnswer = HttpReply | HttpStream;

export function isStream(answer: HttpAnswer): answer is HttpStream {
  return 'open' in answer;
}

/** What a valid WebSocket handshake asks for, or the refusal of one. */
export type Handshake =
  { readonly accept: true; readonly encoding: Encoding; readonly subprotocol: string | undefined } | Refused;

export interface Refused {
  readonly accept: false;
  readonly reply: HttpReply;
}

/** Takes the WebSockets that it has accepted. */
export interface SocketOwner {
  open(socket: Socket, encoding: Encoding): Connection;
}

/** The answer to a WebSocket handshake: the encoding, the subprotocol and who takes the socket, or a refusal. */
export type Upgrade = (Extract<Handshake, { accept: true }> & { readonly owner: SocketOwner }) | Refused;

/** The functions that a transport calls. All are synchronous. */
export interface TransportHandlers {
  http(request: RequestHead): HttpAnswer;
  upgrade(request: RequestHead): Upgrade;
  /** A connection was closed because its address had too many unauthenticated ones. */
  pendingOverflow(remoteAddress: string): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly maxPayloadBytes: number;
  /** The transport may drop frames if more than this is queued. The limit of the sessions is well below it. */
  readonly maxBackpressureBytes: number;
  /** How long a connection may be silent. It is pinged before, and closed if it does not answer. */
  readonly idleTimeoutMs: number;
  /** How many unauthenticated connections one address may have. */
  readonly maxPendingConnections: number;
  /** `undefined` for plain `ws` and `http`. */
  readonly tls: TlsFiles | undefined;
  /** Whether other processes may listen on the same port. @default false */
  readonly sharePort?: boolean;
}

export interface Transport {
  readonly name: 'uws' | 'ws';
  /**
   * @returns the port.
   * @throws Error with code EADDRINUSE if the port is taken.
   */
  listen(options: ListenOptions, handlers: TransportHandlers): Promise<number>;
  /**
   * Reads the certificate and its key again. Open connections keep the old ones.
   * @throws OptionError if they do not match. The old ones stay in use.
   */
  reloadTls(): Promise<void>;
  /** Stops listening, and closes every socket with this code and reason. */
  stop(code: CloseCode, reason: string): Promise<void>;
}

export function findHeaders(request: RequestHead, name: string): readonly string[] {
  return request.headers.filter(([header]) => header === name).map(([, value]) => value);
}
