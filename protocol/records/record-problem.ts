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
  const fault = fieldProblems({ kind, id, data }).find(({ field }) => field === wanted);
  if (!fault) return `the file cannot be read as a record: ${problem}`;
  return fieldText(fault);
}

/** A field in words, what stands there, and what is right. */
export const fieldText = ({ field, found, right }: FieldProblem): string =>
  `${field} is ${found}, and should be ${right}`;

/**
 * Everything that is amiss with a record, in words, for a person: the problem of its file, or each field that does not say what it
 * should, whether or not a lease depends on it. Empty where nothing is.
 */
export function recordProblems({ kind, id, data, problem }: SwarmRecord): string[] {
  if (problem !== undefined && !isOfContent(problem)) return [problem];
  return fieldProblems({ kind, id, data }).map(fieldText);
}

/** The fields of a record that do not say what they should: each is named, with what was found and what is right. */
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
