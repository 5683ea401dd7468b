import type { JsonValue } from '../records/record.js';
import type { Lease, LeaseState } from './leases.js';

/** A lease in the form that every surface writes: SDK, command line, HTTP, MCP. Null if the record does not say the value. */
export interface LeaseForm {
  /** Id of the reservation's record. */
  readonly reservation: string;
  readonly run_id: string | null;
  readonly branch: string | null;
  readonly addresses: readonly string[];
  readonly operation: string | null;
  readonly state: LeaseState;
  /** The value in the record, of whatever type. */
  readonly expires_at: JsonValue;
  /** When the lease ends, by its record and every heartbeat: ISO 8601 UTC. */
  readonly effective_expires_at: string | null;
  /** Id of the heartbeat that extends the lease furthest. */
  readonly extended_by: string | null;
  /** Only of a suspect lease: the time of its last heartbeat, ISO 8601 UTC. */
  readonly silent_since?: string;
}

/** The last moment that a `Date` can represent. */
const MAX_DATE_MS = 8_640_000_000_000_000;

/** Returns a time in ISO 8601 UTC; null if there is none or a `Date` cannot represent it. */
export function isoDate(at: number | undefined): string | null {
  return at !== undefined && Math.abs(at) <= MAX_DATE_MS ? new Date(at).toISOString() : null;
}

export function leaseForm(lease: Lease): LeaseForm {
  const { reservation, run, branch, addresses, operation, state, writtenExpiry, effectiveExpiry, extendedBy } = lease;
  const silentSince = state === 'suspect' ? isoDate(lease.lastBeatAt) : null;
  return {
    reservation,
    run_id: run ?? null,
    branch: branch ?? null,
    addresses: addresses.map(({ text }) => text),
    operation: operation ?? null,
    state,
    expires_at: writtenExpiry,
    effective_expires_at: isoDate(effectiveExpiry),
    extended_by: extendedBy ?? null,
    ...(silentSince === null ? {} : { silent_since: silentSince }),
  };
}
