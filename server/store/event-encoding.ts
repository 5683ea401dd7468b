import type { Encoding, Problem, Reason, WireLease } from '../../protocol/index.js';
import { writeArrayHead, writeNil, writeText, writeTime, writeUint } from './msgpack-writer.js';
import { RecordVersion } from './record-version.js';

/** The elements of a wire event, before they are encoded. */
export interface EventFields {
  readonly revision: number;
  readonly type: number;
  readonly kind: number;
  readonly timeMs: number;
  readonly record: RecordVersion;
  readonly reason: Reason | undefined;
  readonly problem: Problem | undefined;
  readonly observed: 'restart' | undefined;
  readonly lease?: WireLease | undefined;
}

/**
 * Encodes one event. In MessagePack the record's packed bytes are copied into it, so that each version of a record is packed
 * once, however many events, views and snapshots contain it.
 */
export function encodeEvent(fields: EventFields, encoding: Encoding): Uint8Array {
  return encoding === 'msgpack' ? encodePacked(fields) : Buffer.from(eventJson(fields));
}

/** Returns the event with empty data and the problem `unprocessable`, for data that cannot be encoded. */
export function unprocessable(fields: EventFields): EventFields {
  const { kind, id, revision, observedAt, signature } = fields.record;
  const record = new RecordVersion(kind, id, {}, revision, observedAt, signature, 'unprocessable');
  return { ...fields, record, problem: 'unprocessable' };
}

type Element = string | null | WireLease;

function trailing({ reason, problem, observed, lease }: EventFields): Element[] {
  if (lease !== undefined) return [reason ?? null, problem ?? null, observed ?? null, lease];
  if (observed !== undefined) return [reason ?? null, problem ?? null, observed];
  if (problem !== undefined) return [reason ?? null, problem];
  return reason === undefined ? [] : [reason];
}

function eventJson(fields: EventFields): string {
  const { revision, type, kind, timeMs, record } = fields;
  const head = `[${String(revision)},${String(type)},${String(kind)},${JSON.stringify(record.id)},${String(timeMs)}`;
  const tail = trailing(fields)
    .map((element) => `,${JSON.stringify(element)}`)
    .join('');
  return `${head},${record.json}${tail}]`;
}

// An event has at most three ids of at most 1,024 bytes, and its reasons are short. So all but the data fits.
const scratch = Buffer.allocUnsafe(8_192);

function encodePacked(fields: EventFields): Uint8Array {
  const tail = trailing(fields);
  let at = writeArrayHead(scratch, 0, 6 + tail.length);
  at = writeUint(scratch, at, fields.revision);
  at = writeUint(scratch, at, fields.type);
  at = writeUint(scratch, at, fields.kind);
  at = writeText(scratch, at, fields.record.id);
  at = writeTime(scratch, at, fields.timeMs);
  const dataAt = at;
  for (const element of tail) at = writeElement(at, element);

  const data = fields.record.packed;
  const bytes = Buffer.allocUnsafe(at + data.length);
  scratch.copy(bytes, 0, 0, dataAt);
  bytes.set(data, dataAt);
  scratch.copy(bytes, dataAt + data.length, dataAt, at);
  return bytes;
}

function writeElement(at: number, element: Element): number {
  if (element === null) return writeNil(scratch, at);
  return typeof element === 'string' ? writeText(scratch, at, element) : writeLease(at, element);
}

function writeLease(at: number, [state, endMs, extendedBy, reservation]: WireLease): number {
  at = writeArrayHead(scratch, at, reservation === undefined ? 3 : 4);
  at = writeText(scratch, at, state);
  at = endMs === null ? writeNil(scratch, at) : writeTime(scratch, at, endMs);
  at = extendedBy === null ? writeNil(scratch, at) : writeText(scratch, at, extendedBy);
  return reservation === undefined ? at : writeText(scratch, at, reservation);
}
