import type { EventType, Kind, RecordData } from '../../../protocol/index.js';

/** What a query is asked of: an event, or a record that stands (then without what only events have). */
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

/** The fields that can be asked for, and whether they are of a record or of an event only. */
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

/** One word of a query, understood. */
export interface Term {
  /** `text` for a bare word or a regular expression. */
  readonly field: Field | 'text';
  readonly isNegated: boolean;
  readonly test: Test;
}

/** A query made ready for many subjects: fields join with AND, the values of one field with OR. */
export interface Query {
  readonly text: string;
  readonly isEmpty: boolean;
  /** Whether an event passes. */
  matchesEvent(subject: Subject): boolean;
  /**
   * Whether a record passes what a query asks of run, branch, address and text. Views that show records as they stand use
   * this: to them `type:added` says nothing.
   */
  matchesRecord(subject: Subject): boolean;
  /** Whether the query asks for heartbeats by name, so that they must not be hidden. */
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
    // Two bare words must both be there; two kinds cannot be.
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
