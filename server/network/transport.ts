import type { CloseCode, Encoding } from '../../protocol/index.js';
import type { Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';
import type { TlsFiles } from '../config/tls-files.js';

/** How long clients that are slow to read may take to be told that the server goes away; the rest is cut off. */
export const CLOSE_TIMEOUT_MS = 1_500;

/** A request before anything is believed of it. */
export interface RequestHead {
  /** In capitals. */
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** In the order they came, names in lower case, doubles kept. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly remoteAddress: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** The token was presented: the connection is no longer one of those that have not been let in. */
  readonly authenticated?: boolean;
  /** One more request may follow on the same connection, which is closed after any other answer. */
  readonly mayContinue?: boolean;
}

/** Where the bytes of a streaming reply go. After the other end has gone, or after the end, every call is harmless. */
export interface HttpWriter {
  /** `queued`: kept, though the kernel takes no more for now. */
  write(bytes: Uint8Array): 'sent' | 'queued';
  /** Bytes handed over that the kernel has not taken; at most so many, where the engine does not say. */
  readonly queuedBytes: number;
  /** Sends what is queued, then ends the reply. */
  end(): void;
}

/** What a transport tells whoever writes a streaming reply. */
export interface HttpSource {
  /** The writer's queue has become shorter, under the same terms as {@link Connection.drained}. */
  drained(): void;
  /** The other end has gone. Not told after `end`. */
  closed(): void;
}

/** A reply whose body is written piece by piece. Its status and headers are sent before `open` is called. */
export interface HttpStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly authenticated?: boolean;
  /** Means nothing between two pieces: written where an engine needs a push to go on. At least one byte. */
  readonly filler: string;
  /** Called for GET; HEAD has no body. */
  open(writer: HttpWriter): HttpSource;
}

/** An answer to a request that is no WebSocket: whole, or a stream. */
export type HttpAnswer = HttpReply | HttpStream;

export function isStream(answer: HttpAnswer): answer is HttpStream {
  return 'open' in answer;
}

/** The answer to a request to become a WebSocket: what to speak, or why not. */
export type Upgrade =
  | { readonly accept: true; readonly encoding: Encoding; readonly subprotocol: string | undefined }
  | { readonly accept: false; readonly reply: HttpReply };

/** What a transport calls; everything is synchronous. */
export interface TransportHandlers {
  http(request: RequestHead): HttpAnswer;
  upgrade(request: RequestHead): Upgrade;
  open(socket: Socket, encoding: Encoding): Connection;
  /** A connection was closed because too many of its address have not been let in. */
  pendingOverflow(remoteAddress: string): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly maxPayloadBytes: number;
  /** Beyond this the transport may drop frames; the sessions' own limit is well below. */
  readonly maxBackpressureBytes: number;
  /** A connection that is silent for longer is pinged, then closed. */
  readonly idleTimeoutMs: number;
  /** Connections of one address that have not been let in. */
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
   * @throws Error with code EADDRINUSE where it is taken.
   */
  listen(options: ListenOptions, handlers: TransportHandlers): Promise<number>;
  /**
   * Reads the certificate and its key again; connections that stand keep the old one.
   * @throws OptionError where they do not fit; the old ones stay in use.
   */
  reloadTls(): Promise<void>;
  /** Closes the listener, and every socket with this code and reason. */
  stop(code: CloseCode, reason: string): Promise<void>;
}

export function findHeaders(request: RequestHead, name: string): readonly string[] {
  return request.headers.filter(([header]) => header === name).map(([, value]) => value);
}
