import { unpackMessage, type CloseCode, type Encoding } from '../../protocol/index.js';
import type { SendResult, Socket } from '../../server/delivery/port.js';

/**
 * A socket in memory; the test is its other end. Each mode says what happens to a frame. `flowing`: it is sent. `stalled`: it is
 * queued, as if the kernel's buffer were full. `refusing`: it is dropped.
 */
export class FakeSocket implements Socket {
  /** Frames that have reached the other end. */
  readonly frames: Uint8Array[] = [];
  closedWith: { readonly code: CloseCode; readonly reason: string } | undefined;
  mode: 'flowing' | 'stalled' | 'refusing' = 'flowing';
  /** Called by {@link close} before it returns, as in the native engine. */
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

  /** Moves queued frames to the other end: the first `frames` of them, or all. */
  drain(frames = Infinity): void {
    this.frames.push(...this.#queue.splice(0, frames));
  }

  /** The frames that have reached the other end, decoded. */
  get messages(): unknown[][] {
    return this.frames.map((frame) => this.#decode(frame));
  }

  /** Returns {@link messages} and forgets them. */
  takeMessages(): unknown[][] {
    return this.frames.splice(0).map((frame) => this.#decode(frame));
  }

  #decode(frame: Uint8Array): unknown[] {
    return (
      this.encoding === 'msgpack' ? unpackMessage(frame) : JSON.parse(Buffer.from(frame).toString())
    ) as unknown[];
  }
}
