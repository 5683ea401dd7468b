import type { Kind } from '../records/kinds.js';
import type { RecordData } from '../records/record.js';
import type { EventType } from '../wire/event.js';

/** The subject of a query: an event, a current record, or a row of a table. A field that it does not have matches nothing. */
export interface QuerySubject {
  readonly kind?: Kind | undefined;
  readonly id?: string | undefined;
  /** Run, branch and addresses are read from here, and text is searched for here. */
  readonly data: RecordData;
  readonly type?: EventType | undefined;
  readonly revision?: number | undefined;
  readonly bytes?: number | undefined;
  readonly lagMs?: number | undefined;
  readonly reason?: string | undefined;
  readonly problem?: string | undefined;
  /** When it happened, Unix milliseconds. */
  readonly atMs?: number | undefined;
}

/** The fields of the query language: whether a record has them too or only an event, and what they take. */
export const QUERY_FIELDS = {
  kind: { of: 'event', takes: 'reservation, intent, …' },
  type: { of: 'event', takes: 'added, modified, …' },
  run: { of: 'record', takes: 'a run id, * for any text' },
  branch: { of: 'record', takes: 'a branch, * for any text' },
  addr: { of: 'record', takes: 'an address and what it covers, * for any text' },
  id: { of: 'event', takes: 'a record’s id, * for any text' },
  reason: { of: 'event', takes: 'deleted, ttl, left-filter' },
  problem: { of: 'event', takes: 'a problem, * for any' },
  rev: { of: 'event', takes: '100, >100, 100..200' },
  bytes: { of: 'event', takes: '>1000, >1KB, 1KB..2KB' },
  lag: { of: 'event', takes: '>10ms, >1s' },
  since: { of: 'event', takes: '5m (ago), 14:30, 2026-03-30T15:00Z' },
  until: { of: 'event', takes: '5m (ago), 14:30, 2026-03-30T15:00Z' },
} as const satisfies Readonly<Record<string, { readonly of: 'event' | 'record'; readonly takes: string }>>;
export type QueryField = keyof typeof QUERY_FIELDS;
export const QUERY_FIELD_NAMES = Object.keys(QUERY_FIELDS) as readonly QueryField[];

/** @param now Unix milliseconds, for times that are relative to it. */
export type QueryTest = (subject: QuerySubject, now: number) => boolean;

/** One parsed word of a query. */
export interface QueryTerm {
  /** `text` for a bare word, `regex` for a regular expression. */
  readonly field: QueryField | 'text' | 'regex';
  readonly isNegated: boolean;
  readonly test: QueryTest;
  /** Its first character in the text. */
  readonly at: number;
}

/** A compiled query: alternatives, joined by OR, of terms. Fields are joined with AND, the values of one field with OR. */
export interface Query {
  readonly text: string;
  readonly isEmpty: boolean;
  readonly terms: readonly QueryTerm[];
  /** Whether an event matches. @param now @default the present */
  matchesEvent(subject: QuerySubject, now?: number): boolean;
  /**
   * Whether a record matches the terms of the query about run, branch, address and text. Views of current records use this, because
   * `type:added` has no meaning for them.
   */
  matchesRecord(subject: QuerySubject): boolean;
  /** Whether the query names heartbeats. They must not be hidden then. */
  readonly asksForHeartbeats: boolean;
}

const NEVER_USED = 0;

/** @param clock the present, Unix milliseconds; for callers that do not give it to each test. */
export function makeQuery(
  text: string,
  alternatives: readonly (readonly QueryTerm[])[],
  asksForHeartbeats: boolean,
  clock: () => number,
): Query {
  const all = anyOf(alternatives);
  const ofRecords = anyOf(alternatives.map((terms) => terms.filter(({ field }) => isOfRecords(field))));
  const terms = alternatives.flat();
  const needsTime = terms.some(({ field }) => field === 'since' || field === 'until');
  return {
    text,
    terms,
    isEmpty: terms.length === 0,
    matchesEvent: (subject, now) => all(subject, needsTime ? (now ?? clock()) : NEVER_USED),
    matchesRecord: (subject) => ofRecords(subject, NEVER_USED),
    asksForHeartbeats,
  };
}

const isOfRecords = (field: QueryTerm['field']): boolean =>
  field === 'text' || field === 'regex' || QUERY_FIELDS[field].of === 'record';

function anyOf(alternatives: readonly (readonly QueryTerm[])[]): QueryTest {
  const tests = alternatives.map(allOf);
  return tests.length === 1 ? tests[0]! : (subject, now) => tests.some((test) => test(subject, now));
}

function allOf(terms: readonly QueryTerm[]): QueryTest {
  const wanted = new Map<string, QueryTest[]>();
  const unwanted: QueryTest[] = [];
  terms.forEach(({ field, isNegated, test }, i) => {
    if (isNegated) unwanted.push(test);
    // A record can contain two words of text, but it cannot be of two kinds. Two bounds on a number or a time are both meant.
    else {
      const place = ALL_MEANT.has(field) ? `${field} ${String(i)}` : field;
      wanted.set(place, [...(wanted.get(place) ?? []), test]);
    }
  });
  const groups = [...wanted.values()];
  return (subject, now) =>
    groups.every((tests) => tests.some((test) => test(subject, now))) && !unwanted.some((test) => test(subject, now));
}

const ALL_MEANT: ReadonlySet<QueryTerm['field']> = new Set([
  'text',
  'regex',
  'rev',
  'bytes',
  'lag',
  'since',
  'until',
] as const);
