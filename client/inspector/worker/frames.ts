import {
  KINDS,
  MessageType,
  packMessage,
  unpackMessage,
  type ServerMessage,
  type WireEvent,
} from '../../../protocol/index.js';
import type { RawFrame } from './messages.js';

/** Bytes of frames kept to be looked at. */
const MOST_BYTES = 4_194_304;

/** The last frames as they were received; decoded only when somebody asks. */
export class Frames {
  readonly #frames: Uint8Array[] = [];
  #bytes = 0;

  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    while (this.#bytes > MOST_BYTES && this.#frames.length > 1) this.#bytes -= this.#frames.shift()!.length;
  }

  /** The latest frame that brought an event, with that event alone decoded beside the frame's head. */
  find(key: string, revision: number): RawFrame | undefined {
    for (let i = this.#frames.length - 1; i >= 0; i--) {
      const message = unpackMessage(this.#frames[i]!) as ServerMessage;
      if (message[0] !== MessageType.events && message[0] !== MessageType.batch) continue;
      const event = message[3].find((one) => one[0] === revision && `${KINDS[one[2]] ?? ''}/${one[3]}` === key);
      if (event)
        return {
          what: 'frame',
          bytes: this.#frames[i]!,
          decoded: [...message.slice(0, 3), abridged(message[3], event)],
        };
    }
    return undefined;
  }
}

/** A frame may hold a thousand events: the others are only counted. */
function abridged(events: readonly WireEvent[], event: WireEvent): unknown[] {
  const others = events.length - 1;
  return others === 0 ? [event] : [event, `… and ${String(others)} more in this frame`];
}

/** An event as it would stand in a frame. */
export function repacked(event: WireEvent): RawFrame {
  return { what: 'event', bytes: packMessage(event), decoded: event };
}
