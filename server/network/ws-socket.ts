import type { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/index.js';
import type { SendResult, Socket } from '../delivery/port.js';
import { LAST_WORD_MS } from './http-bounds.js';

/** A WebSocket of the library, as the way to one client. */
export class WsSocket implements Socket {
  constructor(
    private readonly client: WebSocket,
    private readonly isBinary: boolean,
    private readonly maxBackpressureBytes: number,
    readonly remote: string,
    /**
     * Called when what was written has left the queue. A stream's own `drain` comes only after a write that has reached its
     * high-water mark (16 or 64 KiB, as Node's version has it), and a session waits at a bound of its own.
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
    // Whoever has broken a limit is no longer read, so that a flood ends with it; the answer to the close is not waited for.
    client.pause();
    setTimeout(() => {
      client.terminate();
    }, LAST_WORD_MS).unref();
  }
}
