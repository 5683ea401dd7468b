import type { MessageType } from '../../protocol/index.js';
import { packMessage, type Encoding, type ServerMessage } from '../../protocol/index.js';
import { writeArrayHead, writeUint } from '../store/msgpack-writer.js';

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

/** Returns a frame around encoded events. Their bytes are copied once and not parsed. */
export function frameOf(head: EventsHead, events: readonly Uint8Array[], encoding: Encoding): Uint8Array {
  return encoding === 'msgpack' ? packedFrame(head, events) : jsonFrame(head, events);
}

/**
 * Returns a frame with the events of another, under another head; the same frame if the heads are the same.
 * @param was the head of that frame, and the number of its events.
 */
export function withHead(
  frame: Uint8Array,
  was: EventsHead,
  head: EventsHead,
  count: number,
  encoding: Encoding,
): Uint8Array {
  if (was.type === head.type && was.to === head.to && was.first === head.first) return frame;
  const headOf = encoding === 'json' ? jsonHead : (one: EventsHead) => packedHead(one, count);
  return Buffer.concat([headOf(head), frame.subarray(headOf(was).length)]);
}

/** The longest head: `[type, uint32, uint64, array32 of …]`. */
const MAX_HEAD_BYTES = 1 + 1 + 5 + 9 + 5;
const scratch = Buffer.allocUnsafe(MAX_HEAD_BYTES);

/** Writes the head into the scratch buffer, each number as short as it is. @returns its length. */
function writeHead({ type, to, first }: EventsHead, count: number): number {
  scratch[0] = 0x94;
  scratch[1] = type;
  return writeArrayHead(scratch, writeUint(scratch, writeUint(scratch, 2, to), first), count);
}

const packedHead = (head: EventsHead, count: number): Uint8Array =>
  Buffer.from(scratch.subarray(0, writeHead(head, count)));

function packedFrame(head: EventsHead, events: readonly Uint8Array[]): Uint8Array {
  const headLength = writeHead(head, events.length);
  let length = headLength;
  for (const event of events) length += event.length;
  const frame = Buffer.allocUnsafe(length);
  scratch.copy(frame, 0, 0, headLength);
  let at = headLength;
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
