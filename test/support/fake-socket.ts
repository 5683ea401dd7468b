import { unpackMessage, type CloseCode, type Encoding } from '../../protocol/index.js';
import type { SendResult, Socket } from '../../server/delivery/port.js';

/**
 * A socket whose other end a test plays. `flowing`: takes everything. `stalled`: keeps what it is given, as a kernel buffer
 * that is full. `refusing`: drops it.
 */
export class FakeSocket implements Socket {
  /** Frames that have reached the other end. */
  readonly frames: Uint8Array[] = [];
  closedWith: { readonly code: CloseCode; readonly reason: string } | undefined;
  mode: 'flowing' | 'stalled' | 'refusing' = 'flowing';
  /** Called by {@link close} before it returns, as the native engine does. */
  onClose: () => void = () => undefined;
  #queue: Uint8Array[] = [];

  constructor(private readonly encoding: Encoding = 'msgpack') {}

  send(frame: Uint8Array): SendResult {
    if (this.closedWith || this.mode === 'refusing') return 'dropped';
    if (this.mode === 'stalled' || this.#queue.length > 0) {
      this.#queue.push(frame);
      return 'queued';
    }
    this.frames.push(frame);
    return 'sent';
  }

  get queuedBytes(): number {
    return this.#queue.reduce((sum, frame) => sum + frame.length, 0);
  }

  close(code: CloseCode, reason: string): void {
    if (this.closedWith) return;
    this.closedWith = { code, reason };
    this.onClose();
  }

  /** The other end takes some of the queue, or all of it. */
  drain(frames = Infinity): void {
    this.frames.push(...this.#queue.splice(0, frames));
  }

  /** What has reached the other end, decoded. */
  get messages(): unknown[][] {
    return this.frames.map((frame) => this.#decode(frame));
  }

  /** {@link messages}, each only once. */
  takeMessages(): unknown[][] {
    return this.frames.splice(0).map((frame) => this.#decode(frame));
  }

  #decode(frame: Uint8Array): unknown[] {
    return (
      this.encoding === 'msgpack' ? unpackMessage(frame) : JSON.parse(Buffer.from(frame).toString())
    ) as unknown[];
  }
}
