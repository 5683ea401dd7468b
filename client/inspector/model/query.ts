import type { EventType, Kind, RecordData } from '../../../protocol/index.js';

/** The subject of a query: an event, or a current record (without the fields that only events have). */
export interface Subject {
  readonly kind: Kind;
  readonly id: string;
  readonly data: RecordData;
  readonly revision: number;
  readonly type?: EventType;
  readonly bytes?: number;
  readonly lagMs?: number | undefined;
  readonly reason?: string | undefined;
  readonly problem?: string | undefined;
}

/** The fields of a query, and whether they belong to a record or only to an event. */
export const FIELDS = {
  kind: 'event',
  type: 'event',
  run: 'record',
  branch: 'record',
  addr: 'record',
  id: 'event',
  reason: 'event',
  problem: 'event',
  rev: 'event',
  bytes: 'event',
  lag: 'event',
} as const;
export type Field = keyof typeof FIELDS;

export type Test = (subject: Subject) => boolean;

/** One parsed word of a query. */
export interface Term {
  /** `text` for a bare word or a regular expression. */
  readonly field: Field | 'text';
  readonly isNegated: boolean;
  readonly test: Test;
}

/** A compiled query: fields are joined with AND, the values of one field with OR. */
export interface Query {
  readonly text: string;
  readonly isEmpty: boolean;
  /** Whether an event matches. */
  matchesEvent(subject: Subject): boolean;
  /**
   * Whether a record matches the terms of the query about run, branch, address and text. Views of current records use this, because
   * `type:added` has no meaning for them.
   */
  matchesRecord(subject: Subject): boolean;
  /** Whether the query names heartbeats. They must not be hidden then. */
  readonly asksForHeartbeats: boolean;
}

export function makeQuery(text: string, terms: readonly Term[], asksForHeartbeats: boolean): Query {
  const all = compile(terms);
  const ofRecords = compile(terms.filter(({ field }) => field === 'text' || FIELDS[field] === 'record'));
  return { text, isEmpty: terms.length === 0, matchesEvent: all, matchesRecord: ofRecords, asksForHeartbeats };
}

function compile(terms: readonly Term[]): Test {
  const wanted = new Map<string, Test[]>();
  const unwanted: Test[] = [];
  terms.forEach(({ field, isNegated, test }, i) => {
    if (isNegated) unwanted.push(test);
    // A record can contain two words of text, but it cannot be of two kinds.
    else {
      const place = field === 'text' ? `text ${String(i)}` : field;
      wanted.set(place, [...(wanted.get(place) ?? []), test]);
    }
  });
  const groups = [...wanted.values()];
  return (subject) =>
    groups.every((tests) => tests.some((test) => test(subject))) && !unwanted.some((test) => test(subject));
}

export const EMPTY_QUERY: Query = makeQuery('', [], false);
