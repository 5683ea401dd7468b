import { KINDS, MessageType, type ServerMessage, type WireEvent } from '../../../protocol/index.js';
import type { RawFrame } from './messages.js';

/** The most characters of frames that are kept. */
const MAX_CHARACTERS = 4_194_304;

/** The last frames as they were received. They are decoded again only on request. */
export class Frames {
  readonly #frames: string[] = [];
  #size = 0;

  push(frame: string): void {
    this.#frames.push(frame);
    this.#size += frame.length;
    while (this.#size > MAX_CHARACTERS && this.#frames.length > 1) this.#size -= this.#frames.shift()!.length;
  }

  /** Returns the latest frame that contains an event, decoded with only that event. */
  find(key: string, revision: number): RawFrame | undefined {
    const id = JSON.stringify(key.slice(key.indexOf('/') + 1));
    for (let i = this.#frames.length - 1; i >= 0; i--) {
      const frame = this.#frames[i]!;
      if (!frame.includes(id)) continue;
      const message = JSON.parse(frame) as ServerMessage;
      if (message[0] !== MessageType.events && message[0] !== MessageType.batch) continue;
      const event = message[3].find((one) => one[0] === revision && `${KINDS[one[2]] ?? ''}/${one[3]}` === key);
      if (!event) continue;
      return { what: 'frame', bytes: encode(frame), decoded: [...message.slice(0, 3), abridged(message[3], event)] };
    }
    return undefined;
  }
}

/** A frame may contain a thousand events, so the others are only counted. */
function abridged(events: readonly WireEvent[], event: WireEvent): unknown[] {
  const others = events.length - 1;
  return others === 0 ? [event] : [event, `… and ${String(others)} more in this frame`];
}

/** Returns an event encoded as it would be in a frame. */
export function encodedEvent(event: WireEvent): RawFrame {
  return { what: 'event', bytes: encode(JSON.stringify(event)), decoded: event };
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
