import type { WebSocket } from 'uWebSockets.js';
import { CloseCode, type Encoding } from '../../protocol/index.js';
import type { SendResult, Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';
import { LAST_WORD_MS } from './http-bounds.js';

/** What the engine keeps with each of its sockets. */
export interface UserData {
  readonly encoding: Encoding;
  socket?: UwsSocket;
  connection?: Connection;
}

/** So long may a client that is slow to read take to come to the close frame. */
const SLOW_CLOSE_MS = 10_000;

const SEND_RESULTS: readonly SendResult[] = ['queued', 'sent', 'dropped'];

/** Guards the native socket, on which any call after its close would throw. */
export class UwsSocket implements Socket {
  native: WebSocket<UserData> | undefined;
  readonly remote: string;
  /** A close frame would be lost with what waits before it: it is sent when nothing does, or the socket is cut. */
  #lastWord: { readonly code: CloseCode; readonly reason: string; readonly timer: NodeJS.Timeout } | undefined;

  constructor(
    native: WebSocket<UserData>,
    private readonly isBinary: boolean,
  ) {
    this.native = native;
    this.remote = Buffer.from(native.getRemoteAddressAsText()).toString();
  }

  send(frame: Uint8Array): SendResult {
    if (!this.native || this.#lastWord) return 'dropped';
    return SEND_RESULTS[this.native.send(frame, this.isBinary)] ?? 'dropped';
  }

  get queuedBytes(): number {
    return this.native?.getBufferedAmount() ?? 0;
  }

  close(code: CloseCode, reason: string): void {
    if (this.#lastWord || !this.native) return;
    if (this.queuedBytes === 0) {
      this.end(code, reason);
      return;
    }
    const isFlood = code === CloseCode.tooMany || code === CloseCode.tooLarge;
    const timer = setTimeout(
      () => {
        this.end(code, reason);
      },
      isFlood ? LAST_WORD_MS : SLOW_CLOSE_MS,
    );
    timer.unref();
    this.#lastWord = { code, reason, timer };
  }

  /** Says what has been waiting for the queue to become empty. */
  drained(): void {
    if (this.#lastWord && this.queuedBytes === 0) this.end(this.#lastWord.code, this.#lastWord.reason);
  }

  /** Closes at once; what still waits is lost, and the close frame with it. */
  end(code: CloseCode, reason: string): void {
    clearTimeout(this.#lastWord?.timer);
    // It calls the close handler before it returns.
    this.native?.end(code, reason);
  }
}
