import {
  EVENT_TYPES,
  kindIndex,
  packMessage,
  type Epoch,
  type Problem,
  type Reason,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import type { RecordReplica } from '../store/record-replica.js';
import type { RecordVersion } from '../store/record-version.js';
import { StoreEvent, type ChangeType } from '../store/store-event.js';

/** The beginning of every message in a stream. So the last message alone gives the position of the stream and its origin. */
export interface Stamp {
  /** Identity of the process that publishes. */
  readonly origin: string;
  readonly epoch: Epoch;
  /** The last revision that the stream holds up to this message. */
  readonly position: Revision;
}

/**
 * `begin`: the messages after it do not continue those before it, and there is no base until `end`. `end`: every current record has a
 * message at or after the sequence `from`.
 */
export type BaseMark =
  | { readonly is: 'base'; readonly phase: 'begin'; readonly why: string }
  | { readonly is: 'base'; readonly phase: 'end'; readonly from: number; readonly records: number };

/** The process that publishes from this message on. */
export interface Claim {
  readonly is: 'claim';
  readonly host: string;
  readonly pid: number;
  readonly root: string;
  /** Unix milliseconds. */
  readonly since: number;
}

/**
 * The messages after it continue those before it, although the revisions after `after`, up to and including its position, are missing: an
 * origin was killed that may have sent them to its own clients, and of which neither its journal nor the stream knows.
 */
export interface Skip {
  readonly is: 'skip';
  readonly after: Revision;
}

export interface EventMessage {
  readonly is: 'event';
  readonly type: ChangeType;
  readonly time: UnixMillis;
  readonly reason: Reason | undefined;
  readonly observed: 'restart' | 'live';
  readonly before: RecordVersion | undefined;
  readonly after: RecordVersion | undefined;
  readonly lease: WireLease | undefined;
}

/** A current record as part of a base. It is no event. */
export interface StandingMessage {
  readonly is: 'standing';
  readonly version: RecordVersion;
}

/** The record of which a message says something. */
export const recordOf = (message: EventMessage | StandingMessage): Pick<RecordVersion, 'kind' | 'id'> =>
  message.is === 'standing' ? message.version : (message.after ?? message.before)!;

export type RelayMessage = Stamp & (EventMessage | StandingMessage | BaseMark | Claim | Skip);

export const RELAY_FORMAT = 1;

/** The second element of a message. */
export const RelayType = { event: 1, standing: 2, base: 3, claim: 4, skip: 5 } as const;

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Encodes an event. The message contains the record's own packed bytes: packed once by the origin, copied into frames by each edge. */
export function encodeEventMessage({ origin, epoch }: Omit<Stamp, 'position'>, event: StoreEvent): Uint8Array {
  const { before, after, record } = event;
  return packMessage([
    RELAY_FORMAT,
    RelayType.event,
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
    // `true` means the same version before and after, as in the events `expired` and `revived`.
    before === undefined ? null : before === after ? true : fieldsOf(before),
    event.lease ?? null,
  ]);
}

export function encodeStandingMessage({ origin, epoch, position }: Stamp, version: RecordVersion): Uint8Array {
  const { kind, id } = version;
  return packMessage([
    RELAY_FORMAT,
    RelayType.standing,
    origin,
    epoch,
    position,
    kindIndex(kind),
    id,
    fieldsOf(version),
  ]);
}

export function encodeMark({ origin, epoch, position }: Stamp, mark: BaseMark | Claim | Skip): Uint8Array {
  return packMessage([RELAY_FORMAT, RelayType[mark.is], origin, epoch, position, mark]);
}

export type VersionFields = readonly [
  revision: number,
  observedAt: number,
  problem: Problem | null,
  data: Uint8Array,
  /** The fields that the record takes from the reservation it names, if any. */
  ...followed: [runId: string | null, branch: string | null] | [],
];

function fieldsOf({ revision, observedAt, problem, packed, followed }: RecordVersion): VersionFields {
  const own = [revision, observedAt, problem ?? null, packed] as const;
  return followed ? [...own, followed.runId ?? null, followed.branch ?? null] : own;
}

/** Returns the event of a message. If `known` is the version before it, the event uses that object. */
export function eventOf(
  { position, type, time, reason, observed, before, after, lease }: Stamp & EventMessage,
  known?: RecordVersion,
): StoreEvent {
  const same = before !== undefined && known?.revision === before.revision ? known : before;
  const next = after !== undefined && after === before ? same : after;
  return new StoreEvent(position, type, time, same, next, reason, observed, lease);
}

/** Applies the event of a message to an edge's records. @returns the event. */
export function followMessage(message: Stamp & EventMessage, records: RecordReplica): StoreEvent {
  const { kind, id } = recordOf(message);
  const event = eventOf(message, records.get(kind, id));
  records.follow(event);
  return event;
}
