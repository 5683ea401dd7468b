import type { MessageType } from '../../protocol/index.js';
import { packMessage, type Encoding, type ServerMessage } from '../../protocol/index.js';

/** Returns a message as the bytes of a frame. */
export function encodeMessage(message: ServerMessage, encoding: Encoding): Uint8Array {
  return encoding === 'msgpack' ? packMessage(message) : Buffer.from(JSON.stringify(message));
}

/** The head of a message whose last element is an array of events: `events` (group, index) or `batch` (subscription, n). */
export interface EventsHead {
  readonly type: typeof MessageType.events | typeof MessageType.batch;
  /** The group for `events`; the subscription for `batch`. */
  readonly to: number;
  /** The index of the first event in the group; for `batch` its number since the subscription last began. */
  readonly first: number;
}

// [type, uint32, uint64, array32 of …]: fixed widths keep the head a constant 21 bytes.
const PACKED_HEAD_BYTES = 21;

/** Returns a frame around encoded events. Their bytes are copied once and not parsed. */
export function frameOf(head: EventsHead, events: readonly Uint8Array[], encoding: Encoding): Uint8Array {
  return encoding === 'msgpack' ? packedFrame(head, events) : jsonFrame(head, events);
}

/**
 * Returns a frame with the events of another, under another head; the same frame if the heads are the same.
 * @param was the head of that frame.
 */
export function withHead(frame: Uint8Array, was: EventsHead, head: EventsHead, encoding: Encoding): Uint8Array {
  if (was.type === head.type && was.to === head.to && was.first === head.first) return frame;
  if (encoding === 'json') return Buffer.concat([jsonHead(head), frame.subarray(jsonHead(was).length)]);
  const copy = Buffer.from(frame);
  writeHead(copy, head);
  return copy;
}

function packedFrame(head: EventsHead, events: readonly Uint8Array[]): Uint8Array {
  let length = PACKED_HEAD_BYTES;
  for (const event of events) length += event.length;
  const frame = Buffer.allocUnsafe(length);
  writeHead(frame, head);
  return writeEvents(frame, events);
}

function writeHead(frame: Buffer, { type, to, first }: EventsHead): void {
  frame[0] = 0x94;
  frame[1] = type;
  frame[2] = 0xce;
  frame.writeUInt32BE(to, 3);
  frame[7] = 0xcf;
  frame.writeUInt32BE(Math.floor(first / 0x1_0000_0000), 8);
  frame.writeUInt32BE(first >>> 0, 12);
  // array16 would save two bytes per frame, but the head would no longer have a constant width.
  frame[16] = 0xdd;
}

function writeEvents(frame: Buffer, events: readonly Uint8Array[]): Buffer {
  frame.writeUInt32BE(events.length, 17);
  let at = PACKED_HEAD_BYTES;
  for (const event of events) {
    frame.set(event, at);
    at += event.length;
  }
  return frame;
}

const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']]');

const jsonHead = ({ type, to, first }: EventsHead): Buffer =>
  Buffer.from(`[${String(type)},${String(to)},${String(first)},[`);

function jsonFrame(head: EventsHead, events: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [jsonHead(head)];
  events.forEach((event, i) => {
    if (i > 0) parts.push(COMMA);
    parts.push(event);
  });
  parts.push(CLOSE);
  return Buffer.concat(parts);
}
