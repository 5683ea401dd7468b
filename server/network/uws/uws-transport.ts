import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from 'uWebSockets.js';
import type { CloseCode } from '../../../protocol/index.js';
import { freePort } from './free-port.js';
import { CLOSE_TIMEOUT_MS } from '../transport.js';
import { PendingConnections } from '../pending-connections.js';
import { readTls, type TlsFiles } from '../../config/tls-files.js';
import {
  isStream,
  type HttpAnswer,
  type HttpReply,
  type ListenOptions,
  type RequestHead,
  type Transport,
  type TransportHandlers,
} from '../transport.js';
import { announcesBody, NO_BODY } from '../head-check.js';
import { addressOf, headOf, writeWhole } from './uws-head.js';
import { UwsConnection, type ArrivedRequest } from './uws-connection.js';
import { UwsSocket, type UserData } from './uws-socket.js';

/** The native module, with a constant that its own declarations lack. */
export type UwsEngine = typeof import('uWebSockets.js') & { readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number };

type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  done: (listening: us_listen_socket | false) => void,
) => void;

/** No compression: records are small, and a shared frame would be compressed once for each member. */
const NO_COMPRESSION = 0;

/** How long `stop` waits for the close frames to be sent before the engine closes the remaining connections. */
const CLOSE_FRAMES_MS = 50;
/** How often `reloadTls` tries to listen on the port again, and the pause between two attempts. */
const LISTEN_ATTEMPTS = 100;
const LISTEN_PAUSE_MS = 50;

/** The native engine, uWebSockets.js. What it demands for HTTP connections is in `uws-connection.ts`. */
export class UwsTransport implements Transport {
  readonly name = 'uws';
  readonly #sockets = new Set<UwsSocket>();
  /** The last app listens. Those before it serve the connections that they accepted before the certificate changed. */
  readonly #apps: TemplatedApp[] = [];
  #listening: us_listen_socket | undefined;
  #given: { readonly options: ListenOptions; readonly handlers: TransportHandlers } | undefined;
  #pending: PendingConnections | undefined;
  /** The connections whose engine objects may still be used. */
  readonly #held = new Set<UwsConnection>();
  /** The request whose head the engine read last, until its connection takes it. */
  #arrived: ArrivedRequest | undefined;
  /** How many connections the engine has closed. It does not report which. */
  #closures = 0;
  /** Set when the transport is being stopped: how every socket is closed. From then on messages are ignored. */
  #closing: { readonly code: CloseCode; readonly reason: string; done(): void } | undefined;

  constructor(private readonly engine: UwsEngine) {}

  async listen(options: ListenOptions, handlers: TransportHandlers): Promise<number> {
    // reloadTls listens on the same port again, which the engine can only do for a port that it was given by number.
    const port = options.port === 0 && options.tls ? await freePort(options.host) : options.port;
    this.#given = { options: { ...options, port }, handlers };
    this.#pending = new PendingConnections(options.maxPendingConnections);
    return this.#bind(this.#build(options, handlers), this.#given.options);
  }

  /**
   * Lets a new app take over the port, because the engine cannot change the certificate of an app. A client that connects between the two
   * steps, which follow each other at once, may be reset. Open connections are not touched.
   */
  async reloadTls(): Promise<void> {
    if (!this.#given?.options.tls || !this.#listening) return;
    const { options, handlers } = this.#given;
    const app = this.#build(options, handlers);
    this.engine.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#bind(app, options);
        return;
      } catch (error) {
        // Another process may hold the port for a moment. If this server gave up, it would no longer accept clients.
        if (attempt === LISTEN_ATTEMPTS) throw error;
        await new Promise<void>((resolve) => setTimeout(resolve, LISTEN_PAUSE_MS));
      }
    }
  }

  #build(options: ListenOptions, handlers: TransportHandlers): TemplatedApp {
    const app = options.tls ? this.#sslApp(options.tls) : this.engine.App();
    this.#apps.push(app);
    app.filter((accepted, change) => {
      if (change > 0) this.#accept(accepted, options, handlers);
      else this.#closures++;
    });
    app.ws<UserData>('/*', {
      // Up to twice the limit a message still reaches the session, which answers with the name of the limit before it closes.
      maxPayloadLength: 2 * options.maxPayloadBytes,
      maxBackpressure: options.maxBackpressureBytes,
      closeOnBackpressureLimit: false,
      idleTimeout: Math.round(options.idleTimeoutMs / 1_000),
      sendPingsAutomatically: true,
      compression: NO_COMPRESSION,
      upgrade: (response, request, context) => {
        this.#upgrade(response, request, context, handlers);
      },
      open: (native) => {
        this.#open(native);
      },
      message: (native, payload, isBinary) => {
        if (!this.#closing) native.getUserData().connection?.message(new Uint8Array(payload), isBinary);
      },
      ping: (native) => {
        native.getUserData().connection?.control();
      },
      pong: (native) => {
        native.getUserData().connection?.control();
      },
      drain: (native) => {
        this.#drained(native.getUserData());
      },
      close: (native) => {
        this.#closed(native.getUserData());
      },
    });
    app.any('/*', (response, request) => {
      const head = headOf(request, addressOf(response));
      this.#arrive(response, head, announcesBody(head) ? refusalOf(handlers.http(head)) : undefined);
    });
    return app;
  }

  #sslApp(tls: TlsFiles): TemplatedApp {
    readTls(tls);
    return this.engine.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });
  }

  #accept(accepted: HttpResponse, { tls }: ListenOptions, handlers: TransportHandlers): void {
    const pending = this.#pending!;
    const connection = new UwsConnection(
      accepted,
      addressOf(accepted),
      tls !== undefined,
      {
        handlers,
        authenticated: (which) => {
          pending.delete(which);
        },
        heardOf: (which) => {
          this.#held.add(which);
        },
        over: (which) => {
          this.#held.delete(which);
          pending.delete(which);
        },
        closures: () => this.#closures,
      },
      () => this.#takeArrived(),
    );
    this.#held.add(connection);
    if (pending.add(connection)) handlers.pendingOverflow(connection.address);
  }

  /**
   * Keeps a request until its connection is known: the engine reports that right after this call. No connection takes a second request
   * of its own, which ends with that connection. For a request with a body the engine does not report the connection at all, so such a
   * request is refused here.
   */
  #arrive(response: HttpResponse, head: RequestHead, refused: HttpReply | undefined): void {
    this.#arrived = announcesBody(head) ? undefined : { head, response, refused };
    if (this.#arrived) return;
    response.onData(() => undefined);
    writeWhole(response, refused ?? NO_BODY);
  }

  /**
   * Answers a handshake within the engine's call. If it is answered later, the engine sometimes mistakes the new WebSocket for the old
   * response, and closes it. In this call the engine does not report which connection the request is from. So every connection that may
   * have sent it is doubted.
   */
  #upgrade(
    response: HttpResponse,
    request: HttpRequest,
    context: us_socket_context_t,
    handlers: TransportHandlers,
  ): void {
    const head = headOf(request, addressOf(response));
    const answer = handlers.upgrade(head);
    if (!answer.accept) {
      this.#arrive(response, head, answer.reply);
      return;
    }
    for (const connection of [...this.#held]) connection.doubt();
    response.upgrade<UserData>(
      { encoding: answer.encoding, owner: answer.owner },
      request.getHeader('sec-websocket-key'),
      answer.subprotocol ?? '',
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  }

  #takeArrived(): ArrivedRequest | undefined {
    const arrived = this.#arrived;
    this.#arrived = undefined;
    return arrived;
  }

  async stop(code: CloseCode, reason: string): Promise<void> {
    if (this.#listening) this.engine.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
    if (this.#sockets.size > 0) {
      await this.#closeGracefully(code, reason);
      await new Promise<void>((resolve) => setTimeout(resolve, CLOSE_FRAMES_MS));
    }
    for (const app of this.#apps.splice(0)) app.close();
  }

  /**
   * Closes each socket when its queue is empty, and after {@link CLOSE_TIMEOUT_MS} those that still have frames queued. The engine reports
   * a socket as closed at once, but frames that are queued before its close frame would be lost when the app is closed.
   */
  async #closeGracefully(code: CloseCode, reason: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      this.#closing = {
        code,
        reason,
        done: () => {
          clearTimeout(timeout);
          resolve();
        },
      };
      for (const socket of [...this.#sockets]) if (socket.queuedBytes === 0) socket.close(code, reason);
    });
    for (const socket of [...this.#sockets]) socket.end(code, reason);
  }

  #drained({ socket, connection }: UserData): void {
    socket?.drained();
    if (!this.#closing) connection?.drained();
    else if (socket?.queuedBytes === 0) socket.close(this.#closing.code, this.#closing.reason);
  }

  #bind(app: TemplatedApp, { host, port, sharePort = false }: ListenOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      // Without this option the engine lets other processes share the port.
      const options = sharePort ? 0 : this.engine.LIBUS_LISTEN_EXCLUSIVE_PORT;
      const listen = app.listen.bind(app) as unknown as ListenWithOptions;
      listen(host, port, options, (listening) => {
        if (!listening) {
          // The engine does not report the reason. A port that is taken is by far the most common one.
          reject(Object.assign(new Error(`cannot listen on ${host}:${String(port)}`), { code: 'EADDRINUSE' }));
          return;
        }
        this.#listening = listening;
        resolve(this.engine.us_socket_local_port(listening));
      });
    });
  }

  #open(native: WebSocket<UserData>): void {
    const data = native.getUserData();
    const socket = new UwsSocket(native, data.encoding === 'msgpack');
    data.socket = socket;
    this.#sockets.add(socket);
    data.connection = data.owner.open(socket, data.encoding);
  }

  #closed({ socket, connection }: UserData): void {
    if (!socket) return;
    socket.native = undefined;
    this.#sockets.delete(socket);
    connection?.closed();
    if (this.#sockets.size === 0) this.#closing?.done();
  }
}

/** Returns the refusal of a request with a body: the one it would get without the body, or else {@link NO_BODY}. It opens no stream. */
function refusalOf(answer: HttpAnswer): HttpReply {
  return isStream(answer) || answer.status < 400 ? NO_BODY : answer;
}
