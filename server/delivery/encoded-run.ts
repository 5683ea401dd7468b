import type { Encoding } from '../../protocol/index.js';
import { frameOf, withHead, type EventsHead } from './frames.js';

/** Events that many subscriptions of a group are sent together, and the last frame around them. */
export class EncodedRun {
  #sent: { readonly head: EventsHead; readonly frame: Uint8Array } | undefined;

  constructor(
    readonly events: readonly Uint8Array[],
    private readonly encoding: Encoding,
  ) {}

  get count(): number {
    return this.events.length;
  }

  /** The memory that it takes, approximately. */
  get bytes(): number {
    // The events, and the frame around the same bytes.
    return 2 * this.events.reduce((sum, event) => sum + event.length, 0);
  }

  /** Returns the frame for one subscription. Those that have the same id and have come as far share one. */
  frame(head: EventsHead): Uint8Array {
    const frame = this.#sent
      ? withHead(this.#sent.frame, this.#sent.head, head, this.count, this.encoding)
      : frameOf(head, this.events, this.encoding);
    if (frame !== this.#sent?.frame) this.#sent = { head, frame };
    return frame;
  }
}
