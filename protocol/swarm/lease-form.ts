import type { JsonValue } from '../records/record.js';
import type { Lease, LeaseState } from './leases.js';

/** A lease as every surface writes it: SDK, command line, HTTP, MCP. Null where the record does not say. */
export interface LeaseForm {
  /** Id of the reservation's record. */
  readonly reservation: string;
  readonly run_id: string | null;
  readonly branch: string | null;
  readonly addresses: readonly string[];
  readonly operation: string | null;
  readonly state: LeaseState;
  /** As the record has it, whatever that is. */
  readonly expires_at: JsonValue;
  /** When it ends, by its record and every heartbeat: ISO 8601 UTC. */
  readonly effective_expires_at: string | null;
  /** Id of the heartbeat that extends it furthest. */
  readonly extended_by: string | null;
}

/** The last moment that a date can say. */
const MAX_DATE_MS = 8_640_000_000_000_000;

/** ISO 8601 UTC; null where a date cannot say it. */
export function isoDate(at: number | undefined): string | null {
  return at !== undefined && Math.abs(at) <= MAX_DATE_MS ? new Date(at).toISOString() : null;
}

export function leaseForm(lease: Lease): LeaseForm {
  const { reservation, run, branch, addresses, operation, state, writtenExpiry, effectiveExpiry, extendedBy } = lease;
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
  };
}
