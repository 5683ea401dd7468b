import type { WebSocket } from 'uWebSockets.js';
import type { CloseCode, Encoding } from '../../protocol/index.js';
import type { SendResult, Socket } from '../delivery/port.js';
import type { Connection } from '../sessions/connection.js';

/** What the engine keeps with each of its sockets. */
export interface UserData {
  readonly encoding: Encoding;
  socket?: UwsSocket;
  connection?: Connection;
}

const SEND_RESULTS: readonly SendResult[] = ['queued', 'sent', 'dropped'];

/** Guards the native socket, on which any call after its close would throw. */
export class UwsSocket implements Socket {
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
