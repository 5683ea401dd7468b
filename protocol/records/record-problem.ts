import { isOfContent, type Problem } from './problem.js';
import type { Kind } from './kinds.js';
import type { JsonValue, RecordData } from './record.js';
import { isNothing, type FieldProblem } from '../swarm/fields.js';
import { leaseNameOf, readBeat, readRelease, readReservation } from '../swarm/lease-facts.js';
import { readIntent } from '../swarm/intents.js';
import type { SwarmRecord } from '../swarm/swarm-record.js';
import { readClaim, readDependency, readTask } from '../swarm/tasks.js';
import { parseTimestamp } from './timestamp.js';

const LEASE_TIMES: Readonly<Partial<Record<Kind, string>>> = {
  reservation: 'expires_at',
  heartbeat: 'extended_expires_at',
};

/** Returns the field of a record that says when a lease ends; `undefined` if its kind has no such field. */
export function leaseTime(kind: Kind, data: RecordData): JsonValue | undefined {
  const field = LEASE_TIMES[kind];
  return field === undefined ? undefined : data[field];
}

/** Returns the problem in the content of a record, as far as leases depend on it. */
export function problemOf(kind: Kind, id: string, data: RecordData): Problem | undefined {
  const time = leaseTime(kind, data);
  if (!isNothing(time)) return parseTimestamp(time) === undefined ? 'bad-timestamp' : undefined;
  if (kind === 'reservation') return 'no-expiry';
  return kind === 'release' && leaseNameOf(kind, id, data) === undefined ? 'names-nothing' : undefined;
}

/** Returns a problem of content in words: the field, what it contains, and what it should be. */
export function explainProblem(kind: Kind, id: string, data: RecordData, problem: Problem): string {
  const wanted = problem === 'names-nothing' ? 'reservation_id' : LEASE_TIMES[kind];
  const fault = fieldProblems({ kind, id, data }).find(({ field }) => field === wanted);
  if (!fault) return `the file cannot be read as a record: ${problem}`;
  return fieldText(fault);
}

/** Returns a field in words: its name, what it contains, and what it should be. */
export const fieldText = ({ field, found, right }: FieldProblem): string =>
  `${field} is ${found}, and should be ${right}`;

/**
 * Returns all problems of a record in words, for a person: the problem of its file, or each field that does not say what it should, whether
 * or not a lease depends on it. Empty if there is no problem.
 */
export function recordProblems({ kind, id, data, problem }: SwarmRecord): string[] {
  if (problem !== undefined && !isOfContent(problem)) return [problem];
  return fieldProblems({ kind, id, data }).map(fieldText);
}

/** Returns the fields of a record that do not say what they should, each with what it contains and what it should be. */
export function fieldProblems(record: SwarmRecord): readonly FieldProblem[] {
  switch (record.kind) {
    case 'reservation':
      return readReservation(record).problems;
    case 'heartbeat':
      return readBeat(record).problems;
    case 'release':
      return readRelease(record).problems;
    case 'intent':
      return readIntent(record)?.problems ?? [];
    case 'task':
      return readTask(record)?.problems ?? [];
    case 'claim':
      return readClaim(record)?.problems ?? [];
    case 'dependency':
      return readDependency(record)?.problems ?? [];
  }
}
