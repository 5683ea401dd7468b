import type { Problem } from './event.js';
import type { Kind } from './kinds.js';
import type { JsonValue, RecordData } from './record.js';
import { isNothing, type FieldProblem } from './swarm/fields.js';
import { leaseNameOf, readBeat, readRelease, readReservation } from './swarm/lease-facts.js';
import { parseTimestamp } from './timestamp.js';

const LEASE_TIMES: Readonly<Partial<Record<Kind, string>>> = {
  reservation: 'expires_at',
  heartbeat: 'extended_expires_at',
};

/** What a record says of when a lease ends; `undefined` where its kind says nothing of that. */
export function leaseTime(kind: Kind, data: RecordData): JsonValue | undefined {
  const field = LEASE_TIMES[kind];
  return field === undefined ? undefined : data[field];
}

/** What is amiss with what a record says, as far as leases depend on it. */
export function problemOf(kind: Kind, id: string, data: RecordData): Problem | undefined {
  const time = leaseTime(kind, data);
  if (!isNothing(time)) return parseTimestamp(time) === undefined ? 'bad-timestamp' : undefined;
  if (kind === 'reservation') return 'no-expiry';
  return kind === 'release' && leaseNameOf(kind, id, data) === undefined ? 'names-nothing' : undefined;
}

/** A problem of content in words: the field, what was found there, and what is right. */
export function explainProblem(kind: Kind, id: string, data: RecordData, problem: Problem): string {
  const wanted = problem === 'names-nothing' ? 'reservation_id' : LEASE_TIMES[kind];
  const fault = fieldProblems(kind, id, data).find(({ field }) => field === wanted);
  if (!fault) return `the file cannot be read as a record: ${problem}`;
  return `${fault.field} is ${fault.found}, and should be ${fault.right}`;
}

function fieldProblems(kind: Kind, id: string, data: RecordData): readonly FieldProblem[] {
  const record = { kind, id, data };
  switch (kind) {
    case 'reservation':
      return readReservation(record).problems;
    case 'heartbeat':
      return readBeat(record).problems;
    case 'release':
      return readRelease(record).problems;
    default:
      return [];
  }
}
