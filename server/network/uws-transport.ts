import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from 'uWebSockets.js';
import type { CloseCode } from '../../protocol/index.js';
import { freePort } from './free-port.js';
import { CLOSE_TIMEOUT_MS } from './transport.js';
import { PendingConnections } from './pending-connections.js';
import { readTls, type TlsFiles } from '../config/tls-files.js';
import {
  isStream,
  type HttpAnswer,
  type HttpReply,
  type ListenOptions,
  type RequestHead,
  type Transport,
  type TransportHandlers,
} from './transport.js';
import { announcesBody, NO_BODY } from './head-check.js';
import { writeWhole } from './uws-head.js';
import { UwsConnection, type ArrivedRequest } from './uws-connection.js';
import { addressOf, headOf } from './uws-request.js';
import { UwsSocket, type UserData } from './uws-socket.js';

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

/** For the close frames to be on their way, before the engine closes what is left. */
const LINGER_MS = 50;
/** For a port that is listened on again. */
const LISTEN_ATTEMPTS = 100;
const LISTEN_PAUSE_MS = 50;

/** The native engine. Everything it demands of its caller is kept in this file. */
export class UwsTransport implements Transport {
  readonly name = 'uws';
  readonly #sockets = new Set<UwsSocket>();
  /** The last one listens; those before it serve what they had accepted when the certificate changed. */
  readonly #apps: TemplatedApp[] = [];
  #listening: us_listen_socket | undefined;
  #given: { readonly options: ListenOptions; readonly handlers: TransportHandlers } | undefined;
  /** Connections that have not been let in. */
  #pending: PendingConnections | undefined;
  /** Connections that the engine's objects are kept of. */
  readonly #held = new Set<UwsConnection>();
  /** The request whose head the engine has read last, until its connection takes it. */
  #arrived: ArrivedRequest | undefined;
  /** Connections that the engine has closed; it does not say which. */
  #closures = 0;
  /** Said to every socket once the transport is being stopped; from then on nothing is heard any more. */
  #closing: { readonly code: CloseCode; readonly reason: string; done(): void } | undefined;

  constructor(private readonly engine: UwsEngine) {}

  async listen(options: ListenOptions, handlers: TransportHandlers): Promise<number> {
    // The engine shares a port it was given only by number, and only such a port can be listened on again.
    const port = options.port === 0 && options.tls ? await freePort(options.host) : options.port;
    this.#given = { options: { ...options, port }, handlers };
    this.#pending = new PendingConnections(options.maxPendingConnections);
    return this.#bind(this.#build(options, handlers), this.#given.options);
  }

  /**
   * The engine cannot change the certificate of an app: another app takes over the port. Between the two steps, which
   * follow each other at once, a connection that is being made may be reset; those that stand are not touched.
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
        // Somebody may hold the port for a moment; to give it up would end the service.
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
      // A message that is too long but not absurd is answered with the limit's name before its sender is closed.
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
        this.#open(native, handlers);
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
   * Answers nothing yet: only right after this call does the engine say which connection the request is from. A second
   * request of a connection is taken by nobody, and ends with it. Nor is it said of a request with a body, so it is refused.
   */
  #arrive(response: HttpResponse, head: RequestHead, refused: HttpReply | undefined): void {
    this.#arrived = announcesBody(head) ? undefined : { head, response, refused };
    if (this.#arrived) return;
    response.onData(() => undefined);
    writeWhole(response, refused ?? NO_BODY);
  }

  /**
   * Within this call: later, the engine takes the WebSocket that it has made for the response that it was, and closes it now
   * and then. But whose request it is, it does not say in this call; so all who may have sent it are let go of.
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
      { encoding: answer.encoding },
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
      await new Promise<void>((resolve) => setTimeout(resolve, LINGER_MS));
    }
    for (const app of this.#apps.splice(0)) app.close();
  }

  /**
   * The engine calls a socket closed at once, though frames may wait before its close frame; what waits would be lost when
   * the app is closed. So each is closed when it has drained, and in the end those that have not.
   */
  async #closeGracefully(code: CloseCode, reason: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const impatience = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      this.#closing = {
        code,
        reason,
        done: () => {
          clearTimeout(impatience);
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
      // Without the option the engine asks the kernel to share the port.
      const options = sharePort ? 0 : this.engine.LIBUS_LISTEN_EXCLUSIVE_PORT;
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
    if (this.#sockets.size === 0) this.#closing?.done();
  }
}

/** A request with a body is never answered otherwise; what it would be answered with is not made. */
function refusalOf(answer: HttpAnswer): HttpReply {
  return isStream(answer) || answer.status < 400 ? NO_BODY : answer;
}
