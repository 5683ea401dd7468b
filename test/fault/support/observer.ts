import { WebSocket } from 'ws';
import { MessageType, packMessage, SUBPROTOCOLS, unpackMessage, type ServerMessage } from '../../../protocol/index.js';
import type { ClientHistory } from '../client-history.js';
import { ObservedSubscription, type ObservedOptions } from './observed-subscription.js';

export interface ObserverOptions extends ObservedOptions {
  /** Called before each attempt to connect; may throw while there is no server. */
  readonly address: () => { readonly url: string; readonly token: string };
  /** The longest wait before another attempt, in milliseconds. @default 20 */
  readonly retryMs?: number;
  readonly random?: () => number;
  /** @default true */
  readonly reconnects?: boolean;
  /** Whether the observer connects and then waits for a call of {@link Observer.subscribe}. @default false */
  readonly waits?: boolean;
}

/** One subscription over a WebSocket, which is dialled again whenever it breaks. */
export class Observer extends ObservedSubscription implements ClientHistory {
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  /** Called with each message, after it has been recorded. */
  onMessage: (message: ServerMessage) => void = () => undefined;
  #socket: WebSocket | undefined;
  #isStopped = false;

  constructor(
    readonly name: string,
    private readonly observing: ObserverOptions,
  ) {
    super(observing);
  }

  start(): void {
    if (this.#isStopped || this.isOver) return;
    let url: string;
    let token: string;
    try {
      ({ url, token } = this.observing.address());
    } catch {
      this.#later();
      return;
    }
    const headers = { authorization: `Bearer ${token}` };
    const socket = new WebSocket(url, [SUBPROTOCOLS.msgpack], { headers, perMessageDeflate: false });
    this.#socket = socket;
    socket.on('message', (payload: Buffer) => {
      const message = unpackMessage(payload) as ServerMessage;
      this.take(message);
      if (message[0] === MessageType.welcome && !this.observing.waits) this.subscribe();
      this.onMessage(message);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closedWith = { code, reason: reason.toString() };
      this.disconnected();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  /** Breaks the connection without a close frame. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Reads nothing more until {@link resume}. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  send(message: readonly unknown[]): void {
    this.#socket?.send(packMessage(message));
  }

  subscribe(): void {
    this.send(this.request());
  }

  #later(): void {
    const { retryMs = 20, random = Math.random } = this.observing;
    setTimeout(() => {
      this.start();
    }, random() * retryMs);
  }

  override disconnected(): void {
    super.disconnected();
    if (!this.isOver && (this.observing.reconnects ?? true)) this.#later();
  }
}
