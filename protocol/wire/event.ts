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
 * Why a record is no longer there, or no longer live: its file is gone, it ceased to match the subscription's filter, or
 * its lease has run out.
 */
export const REASONS = ['deleted', 'left-filter', 'ttl'] as const;
export type Reason = (typeof REASONS)[number];

/**
 * `live`: seen as it happened. `restart`: found when the server came back, so that the time of the event is when it was
 * found, not when it happened.
 */
export type Observed = 'live' | 'restart';

/**
 * The lease of a reservation after an event, at the event's time, on the wire. `reservation` is left out where the event is the
 * reservation's own.
 */
export type WireLease = readonly [
  state: LeaseState,
  effectiveExpiryMs: number | null,
  extendedBy: string | null,
  reservation?: string,
];

/** The lease that an event is about, in the JSON view: the fields of the one form of leases that the record does not say itself. */
export interface EventLease {
  /** Id of the reservation's record. */
  readonly reservation: string;
  /** At the time of the event. */
  readonly state: LeaseState;
  /** As the record has it; missing on events of heartbeats and releases. */
  readonly expires_at?: JsonValue;
  /** When it ends, by its record and every heartbeat: ISO 8601 UTC. */
  readonly effective_expires_at: string | null;
  /** Id of the heartbeat that extends it furthest. */
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

/** One observed transition of a record of kind `K`, in the JSON view: the one shape that SDK, command line and HTTP show. */
export interface EventOf<K extends Kind> {
  /** Version of the program that produced the event. */
  readonly schema_version: string;
  readonly event_type: EventType;
  readonly kind: K;
  /** The file's name without `.json`, whole. */
  readonly id: string;
  /** When the event was generated, ISO 8601 UTC with milliseconds. */
  readonly timestamp: string;
  /** The record; for `removed` the last known one; `{}` where none was ever readable. */
  readonly data: DataOf<K>;
  /** Position of the transition in the history; for `snapshot`, of the record's last transition. */
  readonly revision: number;
  /**
   * Resume after this event. A snapshot has no position inside itself: its events carry `epoch:0` (begin anew), and only
   * the last of them the position of the whole.
   */
  readonly cursor: string;
  /** On `removed` and `expired`. */
  readonly reason?: Reason;
  /** Only where the file cannot be read as a record. */
  readonly problem?: Problem;
  /**
   * `restart` where the transition happened while the server was away. `resync`, of a client's own making: after a new
   * snapshot, a record that had stood and is not in it; why and when it went, and what it last said, is not known.
   */
  readonly observed?: 'restart' | 'resync';
  /** The lease that the record is, prolongs or ends, as the event left it; where the server says it (feature `leases`). */
  readonly lease?: EventLease;
}

/** An event of any kind; `if (event.kind === 'reservation')` narrows `event.data`. */
export type BusEvent = { [K in Kind]: EventOf<K> }[Kind];

/** The position that says "from the very beginning": history is asked for all it has, or a resync follows. */
export const BEGINNING: Revision = revision(0);

/** What turns a wire event into its JSON view, known to a connection from `welcome`. */
export interface EventOrigin {
  readonly schemaVersion: string;
  readonly epoch: Epoch;
}

/** Whether this program has names for an event's type and kind; a newer server may send others, which are passed over. */
export const isKnownEvent = ([, type, kind]: WireEvent): boolean => type in EVENT_TYPES && kind in KINDS;

/**
 * The JSON view of a wire event.
 * @param resumeAfter where to resume after this event; by default the event's own revision, or the beginning for a
 *   snapshot event.
 * @throws RangeError where the numbers of type or kind are unknown.
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

/** Of what stands in the place of a lease; `undefined` for what is none, as in an event of another make or of a later one. */
function eventLease(said: unknown, kind: Kind, id: string, data: RecordData): EventLease | undefined {
  const elements: readonly unknown[] = Array.isArray(said) ? said : [];
  const [state, endMs, extendedBy, reservation] = elements;
  if (typeof state !== 'string') return undefined;
  return {
    reservation: typeof reservation === 'string' ? reservation : id,
    // One that is not known is a newer server's, and handed on as it is.
    state: state as LeaseState,
    ...(kind === 'reservation' ? { expires_at: data['expires_at'] ?? null } : {}),
    effective_expires_at: isoDate(typeof endMs === 'number' ? endMs : undefined),
    extended_by: typeof extendedBy === 'string' ? extendedBy : null,
  };
}
