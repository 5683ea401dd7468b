import {
  checkMessagePack,
  epoch,
  EVENT_TYPES,
  isJsonObject,
  KINDS,
  revision,
  unixMillis,
  unpackStrictly,
  type Followed,
  type Kind,
  type LeaseState,
  type Problem,
  type Reason,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import { RecordVersion } from '../store/record-version.js';
import type { ChangeType } from '../store/store-event.js';
import {
  RELAY_FORMAT,
  RelayType,
  type BaseMark,
  type Claim,
  type EventMessage,
  type RelayMessage,
  type Skip,
  type StandingMessage,
} from './relay-message.js';
import type { RelayNames } from './relay-names.js';

/** A message that is not in the format of this relay. */
export class RelayFormatError extends Error {
  override readonly name = 'RelayFormatError';
}

/** The nesting that a message may have. It is an array that holds the arrays of versions. */
const MAX_DEPTH = 4;
/** The nesting of a record's data. No server accepts a deeper record. */
const MAX_DATA_DEPTH = 512;
/** The longest id that any server accepts. */
const MAX_ID_BYTES = 1_024;
const MAX_TEXT_CHARACTERS = 4_096;
/** The latest time that a `Date` can represent, Unix milliseconds. */
const LAST_TIME_MS = 8.64e15;
/** An id is a file's name in its directory. */
// eslint-disable-next-line no-control-regex
const RECORD_ID = /^[^/\\\u0000-\u001f\u007f]+$/;
/** Reasons and problems. Those of later versions are accepted too, and passed on unchanged. */
const WORD = /^[a-z][a-z-]{0,63}$/;

/**
 * Decodes a message of the stream. Any client of NATS that may publish can have written it, so every field is checked, as in a message
 * from a client.
 * @throws RelayFormatError if the message is malformed or of an unknown type.
 */
export function decodeRelayMessage(bytes: Uint8Array): RelayMessage {
  let value: unknown;
  try {
    value = unpackStrictly(bytes, MAX_DEPTH, 'allowed');
  } catch (error) {
    throw new RelayFormatError('a message in the stream cannot be read', { cause: error });
  }
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  if (fields[0] !== RELAY_FORMAT) {
    throw new RelayFormatError(`a message in the stream is not of format ${String(RELAY_FORMAT)}: update this program`);
  }
  const [, what, origin, ofEpoch, position, ...rest] = fields;
  const stamp = {
    origin: text(origin, 'its origin'),
    epoch: epoch(text(ofEpoch, 'its epoch')),
    position: readRevision(position, 'its position'),
  };
  switch (what) {
    case RelayType.event:
      return { ...stamp, ...readEvent(rest, stamp.position) };
    case RelayType.standing:
      return { ...stamp, ...readStanding(rest) };
    case RelayType.base:
      return { ...stamp, ...readBase(rest[0]) };
    case RelayType.claim:
      return { ...stamp, ...readClaim(rest[0]) };
    case RelayType.skip:
      return { ...stamp, ...readSkip(rest[0], stamp.position) };
    default:
      throw new RelayFormatError('a message in the stream is of a kind that this program does not know: update it');
  }
}

/** A message as a stream holds it. */
interface Stored {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/**
 * Decodes a message, which must be where an origin puts it: readers tell by the subject whose last message it is, and by the mark of a base
 * which messages count.
 * @throws RelayFormatError if it is malformed, or elsewhere.
 */
export function decodeStored({ subject, sequence, data }: Stored, names: RelayNames): RelayMessage {
  const message = decodeRelayMessage(data);
  if (names.of(message) !== subject) throw unreadable('it belongs under another subject');
  if (message.is === 'base' && message.phase === 'end' && message.from > sequence) {
    throw unreadable('its base begins after it');
  }
  return message;
}

/** Decodes a message. @returns `undefined` if an origin cannot have put it there. */
export function readStored(stored: Stored, names: RelayNames): RelayMessage | undefined {
  try {
    return decodeStored(stored, names);
  } catch {
    return undefined;
  }
}

// ── kinds of message ────────────────────────────────────────────────────────────────────────────────────────────────

function readEvent(fields: readonly unknown[], position: Revision): EventMessage {
  const [kindNumber, idText, typeNumber, time, reason, isRestart, afterFields, beforeFields, lease] = fields;
  const kind = readKind(kindNumber);
  const id = readId(idText);
  const type = typeof typeNumber === 'number' ? EVENT_TYPES[typeNumber] : undefined;
  if (type === undefined || type === 'snapshot') throw unreadable('its type');
  const after = afterFields === null ? undefined : readVersion(kind, id, afterFields);
  const before =
    beforeFields === true ? after : beforeFields === null ? undefined : readVersion(kind, id, beforeFields);
  if (!isPossible(type, before, after)) throw unreadable(`the states of an event of type ${type}`);
  if (after !== undefined && after.revision > position) throw unreadable('its revision');
  return {
    is: 'event',
    type,
    time: readTime(time),
    reason: readWord(reason, 'its reason') as Reason | undefined,
    observed: isRestart === true ? 'restart' : 'live',
    before,
    after,
    lease: readLease(lease),
  };
}

/** Whether an event of this type can have these states before and after it. */
function isPossible(type: ChangeType, before: RecordVersion | undefined, after: RecordVersion | undefined): boolean {
  switch (type) {
    case 'added':
      return before === undefined && after !== undefined;
    case 'modified':
      return before !== undefined && after !== undefined && before !== after;
    case 'removed':
      return before !== undefined && after === undefined;
    case 'expired':
    case 'revived':
      return after !== undefined && before === after;
  }
}

function readLease(value: unknown): WireLease | undefined {
  if (value === null || value === undefined) return undefined;
  const elements: readonly unknown[] = Array.isArray(value) ? value : [];
  const [state, endMs, extendedBy, reservation] = elements;
  const word = readWord(state, 'the state of a lease');
  if (word === undefined) throw unreadable('the state of a lease');
  const lease = [
    word as LeaseState,
    endMs === null ? null : lastTime(endMs),
    extendedBy === null ? null : readId(extendedBy),
  ] as const;
  return reservation === undefined ? lease : [...lease, readId(reservation)];
}

/** Reads the end of a lease, which may be before 1970. */
function lastTime(value: unknown): number {
  if (!Number.isSafeInteger(value) || Math.abs(value as number) > LAST_TIME_MS) throw unreadable('the end of a lease');
  return value as number;
}

function readStanding([kind, id, version]: readonly unknown[]): StandingMessage {
  return { is: 'standing', version: readVersion(readKind(kind), readId(id), version) };
}

function readBase(value: unknown): BaseMark {
  const { phase, why, from, records } = fieldsOf(value);
  switch (phase) {
    case 'begin':
      return { is: 'base', phase, why: text(why, 'the reason of its base') };
    case 'end':
      return { is: 'base', phase, from: count(from, 'the start of its base'), records: count(records, 'its records') };
    default:
      throw unreadable('the mark of a base');
  }
}

function readClaim(value: unknown): Claim {
  const { host, pid, root, since } = fieldsOf(value);
  return {
    is: 'claim',
    host: text(host, 'its host'),
    pid: count(pid, 'its process'),
    root: text(root, 'its repository'),
    since: count(since, 'the time of its claim'),
  };
}

function readSkip(value: unknown, position: Revision): Skip {
  const after = readRevision(fieldsOf(value)['after'], 'where it skips from');
  if (after >= position) throw unreadable('where it skips from');
  return { is: 'skip', after };
}

function readVersion(kind: Kind, id: string, value: unknown): RecordVersion {
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  const [at, observedAt, problem, data, ...followedFields] = fields;
  if (!(data instanceof Uint8Array)) throw unreadable('the data of a record');
  // A copy, because the decoder returns a view of a larger buffer, which would be kept in memory.
  const packed = Uint8Array.from(data);
  checkData(packed);
  const ownProblem = readWord(problem, 'the problem of a record') as Problem | undefined;
  const position = readRevision(at, 'the revision of a record');
  return RecordVersion.restored(
    kind,
    id,
    packed,
    position,
    readTime(observedAt),
    undefined,
    ownProblem,
    readFollowed(followedFields),
  );
}

function readFollowed([runId, branch]: readonly unknown[]): Followed | undefined {
  if (runId === undefined && branch === undefined) return undefined;
  return { runId: maybeText(runId, 'a run'), branch: maybeText(branch, 'a branch') };
}

/** Checks a record's data here, because it is unpacked only when it is used, and an error could then no longer name the message. */
function checkData(packed: Uint8Array): void {
  const [head = 0] = packed;
  const isMap = (head >= 0x80 && head <= 0x8f) || head === 0xde || head === 0xdf;
  try {
    checkMessagePack(packed, MAX_DATA_DEPTH);
  } catch (error) {
    throw new RelayFormatError('the data of a record in the stream cannot be read', { cause: error });
  }
  if (!isMap) throw unreadable('the data of a record');
}

// ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const unreadable = (what: string): RelayFormatError =>
  new RelayFormatError(`a message in the stream cannot be read: ${what}`);

function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT_CHARACTERS) throw unreadable(what);
  return value;
}

const maybeText = (value: unknown, what: string): string | undefined =>
  value === null || value === undefined ? undefined : text(value, what);

function count(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw unreadable(what);
  return value as number;
}

const readRevision = (value: unknown, what: string): Revision => revision(count(value, what));

function readTime(value: unknown): UnixMillis {
  const time = count(value, 'a time');
  if (time > LAST_TIME_MS) throw unreadable('a time');
  return unixMillis(time);
}

function readKind(value: unknown): Kind {
  const kind = typeof value === 'number' ? KINDS[value] : undefined;
  if (kind === undefined) throw unreadable('the kind of a record');
  return kind;
}

function readId(value: unknown): string {
  if (typeof value !== 'string' || !RECORD_ID.test(value) || Buffer.byteLength(value) > MAX_ID_BYTES) {
    throw unreadable('the id of a record');
  }
  return value;
}

function readWord(value: unknown, what: string): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string' || !WORD.test(value)) throw unreadable(what);
  return value;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (!isJsonObject(value)) throw unreadable('a mark');
  return value;
}
