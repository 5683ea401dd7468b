import {
  EVENT_TYPES,
  epoch,
  kindIndex,
  KINDS,
  packMessage,
  revision,
  unixMillis,
  unpackMessage,
  type Epoch,
  type Kind,
  type Problem,
  type Reason,
  type Revision,
  type UnixMillis,
} from '../../protocol/index.js';
import { RecordVersion } from '../store/record-version.js';
import { StoreEvent, type ChangeType } from '../store/store-event.js';

/** What every message in a stream begins with, so that the last one alone says how far the stream has come, and by whom. */
export interface Stamp {
  /** Identity of the process that publishes. */
  readonly origin: string;
  readonly epoch: Epoch;
  /** The last revision that is in the stream with this message. */
  readonly position: Revision;
}

/**
 * `begin`: what follows does not go on from what came before, and until `end` there is no base. `end`: every record
 * that stands has a message at or after the sequence `from`.
 */
export type BaseMark =
  | { readonly is: 'base'; readonly phase: 'begin'; readonly why: string }
  | { readonly is: 'base'; readonly phase: 'end'; readonly from: number; readonly records: number };

/** Who publishes from here on. */
export interface Claim {
  readonly is: 'claim';
  readonly host: string;
  readonly pid: number;
  readonly root: string;
  /** Unix milliseconds. */
  readonly since: number;
}

export interface EventMessage {
  readonly is: 'event';
  readonly type: ChangeType;
  readonly time: UnixMillis;
  readonly reason: Reason | undefined;
  readonly observed: 'restart' | 'live';
  readonly before: RecordVersion | undefined;
  readonly after: RecordVersion | undefined;
}

/** A record as it stands, which is no event. */
export interface StandingMessage {
  readonly is: 'standing';
  readonly version: RecordVersion;
}

export type RelayMessage = Stamp & (EventMessage | StandingMessage | BaseMark | Claim);

/** A message that no origin of this format has written. */
export class RelayFormatError extends Error {
  override readonly name = 'RelayFormatError';
}

export const RELAY_FORMAT = 1;

const EVENT = 1;
const STANDING = 2;
const BASE = 3;
const CLAIM = 4;

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The data goes along as the record's own packed bytes: packed once at the origin, spliced into frames at every edge. */
export function encodeEventMessage({ origin, epoch }: Omit<Stamp, 'position'>, event: StoreEvent): Uint8Array {
  const { before, after, record } = event;
  return packMessage([
    RELAY_FORMAT,
    EVENT,
    origin,
    epoch,
    event.revision,
    kindIndex(record.kind),
    record.id,
    EVENT_TYPES.indexOf(event.type),
    event.time,
    event.reason ?? null,
    event.observed === 'restart',
    after ? fieldsOf(after) : null,
    // The same object before and after is what an expiry is known by.
    before === undefined ? null : before === after ? true : fieldsOf(before),
  ]);
}

export function encodeStandingMessage({ origin, epoch, position }: Stamp, version: RecordVersion): Uint8Array {
  const { kind, id } = version;
  return packMessage([RELAY_FORMAT, STANDING, origin, epoch, position, kindIndex(kind), id, fieldsOf(version)]);
}

export function encodeMark({ origin, epoch, position }: Stamp, mark: BaseMark | Claim): Uint8Array {
  return packMessage([RELAY_FORMAT, mark.is === 'base' ? BASE : CLAIM, origin, epoch, position, mark]);
}

type VersionFields = readonly [revision: number, observedAt: number, problem: Problem | null, data: Uint8Array];

function fieldsOf({ revision, observedAt, problem, packed }: RecordVersion): VersionFields {
  return [revision, observedAt, problem ?? null, packed];
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws RelayFormatError */
export function decodeRelayMessage(bytes: Uint8Array): RelayMessage {
  let value: unknown;
  try {
    value = unpackMessage(bytes);
  } catch (error) {
    throw new RelayFormatError('a message in the stream cannot be read', { cause: error });
  }
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  if (fields[0] !== RELAY_FORMAT) {
    throw new RelayFormatError(`a message in the stream is not of format ${String(RELAY_FORMAT)}: update this program`);
  }
  const [, what, origin, ofEpoch, position, ...rest] = fields;
  const stamp: Stamp = {
    origin: origin as string,
    epoch: epoch(ofEpoch as string),
    position: revision(Number(position)),
  };
  switch (what) {
    case EVENT:
      return { ...stamp, ...readEvent(rest) };
    case STANDING: {
      const [kind, id, version] = rest as [number, string, VersionFields];
      return { ...stamp, is: 'standing', version: readVersion(KINDS[kind]!, id, version) };
    }
    case BASE:
      return { ...stamp, ...(rest[0] as BaseMark) };
    case CLAIM:
      return { ...stamp, ...(rest[0] as Claim) };
    default:
      throw new RelayFormatError('a message in the stream is of a kind that this program does not know: update it');
  }
}

/** @returns `undefined` for what cannot be read. */
export function readRelayMessage(bytes: Uint8Array): RelayMessage | undefined {
  try {
    return decodeRelayMessage(bytes);
  } catch {
    return undefined;
  }
}

function readEvent(fields: readonly unknown[]): EventMessage {
  const [kindNumber, id, type, time, reason, isRestart, afterFields, beforeFields] = fields as [
    number,
    string,
    number,
    number,
    Reason | null,
    boolean,
    VersionFields | null,
    VersionFields | true | null,
  ];
  const kind = KINDS[kindNumber]!;
  const after = afterFields ? readVersion(kind, id, afterFields) : undefined;
  const before = beforeFields === true ? after : beforeFields ? readVersion(kind, id, beforeFields) : undefined;
  return {
    is: 'event',
    type: EVENT_TYPES[type] as ChangeType,
    time: unixMillis(time),
    reason: reason ?? undefined,
    observed: isRestart ? 'restart' : 'live',
    before,
    after,
  };
}

function readVersion(kind: Kind, id: string, [at, observedAt, problem, data]: VersionFields): RecordVersion {
  // A copy: what the decoder gives is a window into a buffer of everything that came with it.
  const packed = Uint8Array.from(data);
  const observed = unixMillis(observedAt);
  return RecordVersion.restored(kind, id, packed, revision(at), observed, undefined, problem ?? undefined);
}

/** The event that a message tells of, with the state before it as the reader knows it, where it does. */
export function eventOf(
  { position, type, time, reason, observed, before, after }: Stamp & EventMessage,
  known?: RecordVersion,
): StoreEvent {
  const same = before !== undefined && known?.revision === before.revision ? known : before;
  const next = after !== undefined && after === before ? same : after;
  return new StoreEvent(position, type, time, same, next, reason, observed);
}
