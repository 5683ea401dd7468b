import type {
  HttpResponse,
  HttpRequest,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from 'uWebSockets.js';
import type { CloseCode, Encoding } from '../../protocol/index.js';
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
import { streamReply } from './uws-stream.js';
import { reasonPhrase } from './reason-phrase.js';

/** The native module; its own declarations leave out what they should not. */
export type UwsEngine = typeof import('uWebSockets.js') & { readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number };

type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  done: (listening: us_listen_socket | false) => void,
) => void;

/** No compression: records are small, and a shared frame would be compressed once for each member. */
const NO_COMPRESSION = 0;

interface UserData {
  readonly encoding: Encoding;
  socket?: UwsSocket;
  connection?: Connection;
}

const SEND_RESULTS: readonly SendResult[] = ['queued', 'sent', 'dropped'];
/** How long closed sockets may take to say goodbye. */
const GOODBYE_MS = 500;

/** The native engine. Everything it demands of its caller is kept in this file. */
export class UwsTransport implements Transport {
  readonly name = 'uws';
  readonly #sockets = new Set<UwsSocket>();
  #app: TemplatedApp | undefined;
  #listening: us_listen_socket | undefined;

  constructor(private readonly engine: UwsEngine) {}

  listen(options: ListenOptions, handlers: TransportHandlers): Promise<number> {
    const app = this.engine.App();
    this.#app = app;
    app.ws<UserData>('/*', {
      maxPayloadLength: options.maxPayloadBytes,
      maxBackpressure: options.maxBackpressureBytes,
      closeOnBackpressureLimit: false,
      idleTimeout: Math.round(options.idleTimeoutMs / 1_000),
      sendPingsAutomatically: true,
      compression: NO_COMPRESSION,
      upgrade: (response, request, context) => {
        upgrade(response, request, context, handlers);
      },
      open: (native) => {
        this.#open(native, handlers);
      },
      message: (native, payload, isBinary) => {
        native.getUserData().connection?.message(new Uint8Array(payload), isBinary);
      },
      drain: (native) => {
        native.getUserData().connection?.drained();
      },
      close: (native) => {
        this.#closed(native.getUserData());
      },
    });
    app.any('/*', (response, request) => {
      const head = headOf(response, request);
      const answer = handlers.http(head);
      if (isStream(answer)) streamReply(response, head.method, answer);
      else reply(response, head.method, answer);
    });
    return this.#bind(app, options);
  }

  async stop(code: CloseCode, reason: string): Promise<void> {
    if (this.#listening) this.engine.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
    for (const socket of [...this.#sockets]) socket.close(code, reason);
    await new Promise<void>((resolve) => setTimeout(resolve, this.#sockets.size > 0 ? GOODBYE_MS : 0));
    this.#app?.close();
    this.#app = undefined;
  }

  #bind(app: TemplatedApp, { host, port }: ListenOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = this.engine.LIBUS_LISTEN_EXCLUSIVE_PORT;
      const listen = app.listen.bind(app) as unknown as ListenWithOptions;
      listen(host, port, options, (listening) => {
        if (!listening) {
          // The engine does not say why; by far the most common reason is this one.
          reject(Object.assign(new Error(`cannot listen on ${host}:${String(port)}`), { code: 'EADDRINUSE' }));
          return;
        }
        this.#listening = listening;
        resolve(this.engine.us_socket_local_port(listening));
      });
    });
  }

  #open(native: WebSocket<UserData>, handlers: TransportHandlers): void {
    const data = native.getUserData();
    const socket = new UwsSocket(native, data.encoding === 'msgpack');
    data.socket = socket;
    this.#sockets.add(socket);
    data.connection = handlers.open(socket, data.encoding);
  }

  #closed({ socket, connection }: UserData): void {
    if (!socket) return;
    socket.native = undefined;
    this.#sockets.delete(socket);
    connection?.closed();
  }
}

/** Guards the native socket, on which any call after its close would throw. */
class UwsSocket implements Socket {
  native: WebSocket<UserData> | undefined;
  readonly remote: string;

  constructor(
    native: WebSocket<UserData>,
    private readonly isBinary: boolean,
  ) {
    this.native = native;
    this.remote = Buffer.from(native.getRemoteAddressAsText()).toString();
  }

  send(frame: Uint8Array): SendResult {
    if (!this.native) return 'dropped';
    return SEND_RESULTS[this.native.send(frame, this.isBinary)] ?? 'dropped';
  }

  get queuedBytes(): number {
    return this.native?.getBufferedAmount() ?? 0;
  }

  close(code: CloseCode, reason: string): void {
    // `end` calls the close handler before it returns.
    this.native?.end(code, reason);
  }
}

function upgrade(
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
  handlers: TransportHandlers,
): void {
  const answer = handlers.upgrade(headOf(response, request));
  if (!answer.accept) {
    reply(response, 'GET', answer.reply);
    return;
  }
  response.upgrade<UserData>(
    { encoding: answer.encoding },
    request.getHeader('sec-websocket-key'),
    answer.subprotocol ?? '',
    request.getHeader('sec-websocket-extensions'),
    context,
  );
}

function headOf(response: HttpResponse, request: HttpRequest): RequestHead {
  const headers: [string, string][] = [];
  request.forEach((name, value) => {
    headers.push([name, value]);
  });
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery(),
    headers,
    remoteAddress: Buffer.from(response.getRemoteAddressAsText()).toString(),
  };
}

function reply(response: HttpResponse, method: string, { status, headers, body }: HttpReply): void {
  response.cork(() => {
    response.writeStatus(`${String(status)} ${reasonPhrase(status)}`);
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    if (method === 'HEAD') {
      // Given the length as an argument the engine waits for the body.
      response.writeHeader('content-length', String(Buffer.byteLength(body)));
      response.endWithoutBody();
    } else {
      response.end(body);
    }
  });
}
