import { revision, type Epoch, type Revision } from '../brand.js';
import { formatCursor } from './cursor.js';
import { KINDS, type Kind } from '../records/kinds.js';
import type { Problem } from '../records/problem.js';
import type { DataOf, JsonValue, RecordData } from '../records/record.js';
import { isoDate } from '../swarm/lease-form.js';
import type { LeaseState } from '../swarm/leases.js';

/** The types of event, in the order of their numbers on the wire. */
export const EVENT_TYPES = ['snapshot', 'added', 'modified', 'removed', 'expired', 'revived'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/**
 * Why a record is gone, or its lease no longer live: the file was deleted, the record no longer matches the subscription's filter, or its
 * lease has run out.
 */
export const REASONS = ['deleted', 'left-filter', 'ttl'] as const;
export type Reason = (typeof REASONS)[number];

/**
 * `live`: the server saw the change when it happened. `restart`: the server found the change when it started again. The time of the event
 * is then the time of the finding, not of the change.
 */
export type Observed = 'live' | 'restart';

/**
 * The lease of a reservation on the wire, as it is at the event's time, after the event. `reservation` is left out if the event is about
 * that reservation's own record.
 */
export type WireLease = readonly [
  state: LeaseState,
  effectiveExpiryMs: number | null,
  extendedBy: string | null,
  reservation?: string,
];

/** The lease that an event is about, in the JSON view. It has the fields of `LeaseForm` that the record itself does not have. */
export interface EventLease {
  /** Id of the reservation's record. */
  readonly reservation: string;
  /** The state at the time of the event. */
  readonly state: LeaseState;
  /** The value in the record; missing on events of heartbeats and releases. */
  readonly expires_at?: JsonValue;
  /** When the lease ends, by its record and every heartbeat: ISO 8601 UTC. */
  readonly effective_expires_at: string | null;
  /** Id of the heartbeat that extends the lease furthest. */
  readonly extended_by: string | null;
}

/**
 * An event on the wire:
 * `[revision, type, kind, id, time_ms, data, reason?, problem?, observed?, lease?]`; absent trailing elements are left out, absent
 * inner ones are nil.
 */
export type WireEvent = readonly [
  revision: number,
  type: number,
  kind: number,
  id: string,
  timeMs: number,
  data: RecordData,
  reason?: Reason | null,
  problem?: Problem | null,
  observed?: 'restart' | null,
  lease?: WireLease | null,
];

/** One event of a record of kind `K`, in the JSON view: the form that SDK, command line and HTTP all show. */
export interface EventOf<K extends Kind> {
  /** Version of the program that produced the event. */
  readonly schema_version: string;
  readonly event_type: EventType;
  readonly kind: K;
  /** The whole name of the file, without `.json`. */
  readonly id: string;
  /** When the server made the event, ISO 8601 UTC with milliseconds. */
  readonly timestamp: string;
  /** The record. For `removed`, the last known record; `{}` if the file was never readable. */
  readonly data: DataOf<K>;
  /** The revision of the event. For `snapshot`, the revision of the record's last event. */
  readonly revision: number;
  /**
   * The position to resume from after this event. There is no position inside a snapshot: its events carry `epoch:0` (begin again), and
   * only the last one carries the position of the whole snapshot.
   */
  readonly cursor: string;
  /** Only on `removed` and `expired`. */
  readonly reason?: Reason;
  /** Only if the record has a problem. */
  readonly problem?: Problem;
  /**
   * `restart`: the change happened while the server was not running. `resync`: the client made this event itself. The record was known
   * before a new snapshot and is not in it. Why and when it was removed, and what its last data was, is not known.
   */
  readonly observed?: 'restart' | 'resync';
  /** The lease that the record holds, prolongs or ends, as it is after the event. Present if the server sends it (feature `leases`). */
  readonly lease?: EventLease;
}

/** An event of any kind; `if (event.kind === 'reservation')` narrows `event.data`. */
export type BusEvent = { [K in Kind]: EventOf<K> }[Kind];

/** The position before the first event. The server then replays all of its history, or sends a resync. */
export const BEGINNING: Revision = revision(0);

/** What a client needs to turn a wire event into its JSON view. The connection has it from `welcome`. */
export interface EventOrigin {
  readonly schemaVersion: string;
  readonly epoch: Epoch;
}

/** Whether this program knows an event's type and kind. A newer server may send others; a client ignores them. */
export const isKnownEvent = ([, type, kind]: WireEvent): boolean => type in EVENT_TYPES && kind in KINDS;

/**
 * Returns the JSON view of a wire event.
 * @param resumeAfter the position to resume from after this event; by default the event's own revision, or the beginning for a snapshot
 * event.
 * @throws RangeError if the number of the type or kind is unknown.
 */
export function toBusEvent(wire: WireEvent, origin: EventOrigin, resumeAfter?: Revision): BusEvent {
  const [position, typeNumber, kindNumber, id, timeMs, data, reason, problem, observed, lease] = wire;
  const eventType = EVENT_TYPES[typeNumber];
  const kind = KINDS[kindNumber];
  if (eventType === undefined || kind === undefined) {
    throw new RangeError(`unknown event type ${String(typeNumber)} or kind ${String(kindNumber)}`);
  }
  const said = eventLease(lease, kind, id, data);
  const after = resumeAfter ?? (eventType === 'snapshot' ? BEGINNING : revision(position));
  return {
    schema_version: origin.schemaVersion,
    event_type: eventType,
    kind,
    id,
    timestamp: new Date(timeMs).toISOString(),
    data,
    revision: position,
    cursor: formatCursor({ epoch: origin.epoch, revision: after }),
    ...(reason == null ? {} : { reason }),
    ...(problem == null ? {} : { problem }),
    ...(observed == null ? {} : { observed }),
    ...(said === undefined ? {} : { lease: said }),
  };
}

/**
 * Reads the element that should be a lease; `undefined` if it is none, as it may be in an event of another implementation or a later
 * version.
 */
function eventLease(said: unknown, kind: Kind, id: string, data: RecordData): EventLease | undefined {
  const elements: readonly unknown[] = Array.isArray(said) ? said : [];
  const [state, endMs, extendedBy, reservation] = elements;
  if (typeof state !== 'string') return undefined;
  return {
    reservation: typeof reservation === 'string' ? reservation : id,
    // An unknown state comes from a newer server, and is passed on unchanged.
    state: state as LeaseState,
    ...(kind === 'reservation' ? { expires_at: data['expires_at'] ?? null } : {}),
    effective_expires_at: isoDate(typeof endMs === 'number' ? endMs : undefined),
    extended_by: typeof extendedBy === 'string' ? extendedBy : null,
  };
}
