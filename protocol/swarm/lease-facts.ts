import type { UnixMillis } from '../brand.js';
import type { JsonValue, RecordData } from '../records/record.js';
import type { Address, AddressContext } from './address.js';
import { FieldReader, isNothing, type FieldProblem } from './fields.js';
import { readabilityOf, type Readability, type SwarmRecord } from './swarm-record.js';

/** The fields of a reservation, read once. */
export interface ReservationFacts {
  readonly id: string;
  /** The name that heartbeats, releases and intents use for it. */
  readonly name: string;
  readonly run: string | undefined;
  readonly branch: string | undefined;
  readonly addresses: readonly Address[];
  readonly operation: string | undefined;
  readonly createdAt: UnixMillis | undefined;
  /** The value in the record; null if it has none. */
  readonly writtenExpiry: JsonValue;
  readonly expiresAt: UnixMillis | undefined;
  readonly readability: Readability;
  /** Whether it may hold addresses that are not read: it could never be read, or has too many. */
  readonly mayHoldMore: boolean;
  readonly problems: readonly FieldProblem[];
}

/** The fields of a heartbeat, read once. */
export interface BeatFacts {
  readonly id: string;
  /** The name of the reservation that it keeps alive; `undefined` if the heartbeat was never read. */
  readonly name: string | undefined;
  readonly run: string | undefined;
  readonly beatAt: UnixMillis | undefined;
  readonly extendedUntil: UnixMillis | undefined;
  readonly readability: Readability;
  readonly problems: readonly FieldProblem[];
}

export interface ReleaseFacts {
  readonly id: string;
  readonly name: string | undefined;
  readonly run: string | undefined;
  readonly releasedAt: UnixMillis | undefined;
  readonly problems: readonly FieldProblem[];
}

/**
 * Returns the name of the reservation that a record is, or refers to. Muse names a heartbeat's file after its reservation, so the id
 * replaces a missing field. A release must have the field, or it ends nothing: only a certain release may free an address. A number that a
 * double does not hold exactly may name another reservation.
 */
export function leaseNameOf(
  kind: 'reservation' | 'heartbeat' | 'release',
  id: string,
  data: RecordData,
): string | undefined {
  const named = new FieldReader(data).text('reservation_id');
  if (kind === 'release') return isInexact(data['reservation_id']) ? undefined : named;
  if (named !== undefined) return named;
  return kind === 'heartbeat' && Object.keys(data).length === 0 ? undefined : id;
}

const isInexact = (value: JsonValue | undefined): boolean => Number.isInteger(value) && !Number.isSafeInteger(value);

const NO_ADDRESSES: readonly Address[] = [];

export function readReservation(
  record: SwarmRecord,
  context?: AddressContext,
  readsAddresses = true,
): ReservationFacts {
  const { id, data } = record;
  const fields = new FieldReader(data, context);
  const readability = readabilityOf(record);
  const isUnread = readability === 'unreadable' && Object.keys(data).length === 0;
  const facts = {
    id,
    name: leaseNameOf('reservation', id, data)!,
    run: fields.text('run_id'),
    branch: fields.branch(),
    addresses: readsAddresses ? fields.addresses(true) : NO_ADDRESSES,
    operation: fields.text('operation'),
    createdAt: fields.time('created_at'),
    writtenExpiry: data['expires_at'] ?? null,
    expiresAt: fields.time('expires_at'),
    readability,
    mayHoldMore: isUnread || fields.isCut,
  };
  if (isNothing(data['expires_at'])) fields.problem('expires_at', data['expires_at'], 'a time in ISO 8601');
  return { ...facts, problems: readability === 'readable' ? fields.problems : [] };
}

export function readBeat(record: SwarmRecord): BeatFacts {
  const { id, data } = record;
  const fields = new FieldReader(data);
  const readability = readabilityOf(record);
  return {
    id,
    name: leaseNameOf('heartbeat', id, data),
    run: fields.text('run_id'),
    beatAt: fields.time('last_beat_at', 'created_at'),
    extendedUntil: fields.time('extended_expires_at'),
    readability,
    problems: readability === 'readable' ? fields.problems : [],
  };
}

export function readRelease(record: SwarmRecord): ReleaseFacts {
  const { id, data } = record;
  const fields = new FieldReader(data);
  const isRead = readabilityOf(record) === 'readable';
  const name = leaseNameOf('release', id, data);
  if (name === undefined) fields.problem('reservation_id', data['reservation_id'], 'the id of the reservation it ends');
  return {
    id,
    // An unreadable release keeps the last data that was read, and that ends its reservation for good. A file that is not a record names
    // nothing.
    name: readabilityOf(record) === 'none' ? undefined : name,
    run: fields.text('run_id'),
    releasedAt: fields.time('released_at', 'created_at'),
    problems: isRead ? fields.problems : [],
  };
}
