import type { WebSocket } from 'ws';
import { CloseCode } from '../../../protocol/index.js';
import type { SendResult, Socket } from '../../delivery/port.js';
import { LAST_WORD_MS } from '../http-bounds.js';

/** A WebSocket of the library `ws` as the {@link Socket} of a port. */
export class WsSocket implements Socket {
  constructor(
    private readonly client: WebSocket,
    private readonly isBinary: boolean,
    private readonly maxBackpressureBytes: number,
    readonly remote: string,
    /**
     * Called when a written frame has left the queue. The stream's own event `drain` does not do: it comes only after a write that has
     * reached the stream's high-water mark (16 or 64 KiB, depending on the version of Node), and a session has a bound of its own.
     */
    private readonly written: () => void,
  ) {}

  send(frame: Uint8Array): SendResult {
    const { client } = this;
    if (client.readyState !== client.OPEN || client.bufferedAmount > this.maxBackpressureBytes) return 'dropped';
    client.send(frame, { binary: this.isBinary }, this.written);
    return client.bufferedAmount === 0 ? 'sent' : 'queued';
  }

  get queuedBytes(): number {
    return this.client.bufferedAmount;
  }

  close(code: CloseCode, reason: string): void {
    const { client } = this;
    client.close(code, reason);
    if (code !== CloseCode.tooMany && code !== CloseCode.tooLarge) return;
    // The client has broken a limit. Nothing more is read from it, so that a flood ends here, not even its answer to the close frame.
    client.pause();
    setTimeout(() => {
      client.terminate();
    }, LAST_WORD_MS).unref();
  }
}
