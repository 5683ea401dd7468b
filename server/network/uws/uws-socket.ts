import type { WebSocket } from 'uWebSockets.js';
import { CloseCode, type Encoding } from '../../../protocol/index.js';
import type { SendResult, Socket } from '../../delivery/port.js';
import type { Connection } from '../../sessions/connection.js';
import { LAST_WORD_MS } from '../http-bounds.js';
import type { SocketOwner } from '../transport.js';

/** What the engine keeps with each of its sockets. */
export interface UserData {
  readonly encoding: Encoding;
  readonly owner: SocketOwner;
  socket?: UwsSocket;
  connection?: Connection;
}

/** How long a client that reads slowly may take to receive the close frame. */
const SLOW_CLOSE_MS = 10_000;

const SEND_RESULTS: readonly SendResult[] = ['queued', 'sent', 'dropped'];

/** Guards the native socket, which throws on any call after its close. */
export class UwsSocket implements Socket {
  native: WebSocket<UserData> | undefined;
  readonly remote: string;
  /**
   * The close that is still to be done. A close frame would be lost together with the frames that are queued before it. So the socket is
   * closed when the queue is empty; when the timer fires, the socket is cut.
   */
  #pendingClose: { readonly code: CloseCode; readonly reason: string; readonly timer: NodeJS.Timeout } | undefined;

  constructor(
    native: WebSocket<UserData>,
    private readonly isBinary: boolean,
  ) {
    this.native = native;
    this.remote = Buffer.from(native.getRemoteAddressAsText()).toString();
  }

  send(frame: Uint8Array): SendResult {
    if (!this.native || this.#pendingClose) return 'dropped';
    return SEND_RESULTS[this.native.send(frame, this.isBinary)] ?? 'dropped';
  }

  get queuedBytes(): number {
    return this.native?.getBufferedAmount() ?? 0;
  }

  close(code: CloseCode, reason: string): void {
    if (this.#pendingClose || !this.native) return;
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
    this.#pendingClose = { code, reason, timer };
  }

  /** Sends the waiting close frame if the queue is empty. */
  drained(): void {
    if (this.#pendingClose && this.queuedBytes === 0) this.end(this.#pendingClose.code, this.#pendingClose.reason);
  }

  /** Closes at once. Queued frames are lost, and the close frame with them. */
  end(code: CloseCode, reason: string): void {
    clearTimeout(this.#pendingClose?.timer);
    // The engine calls the close handler before `end` returns.
    this.native?.end(code, reason);
  }
}
