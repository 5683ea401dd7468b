import { compileQuery, type EventType, type Kind, type Query, type QuerySubject } from '../../../protocol/index.js';

export type { Query } from '../../../protocol/index.js';

/** The subject of a query here: an event, or a current record (without the fields that only events have). */
export interface Subject extends QuerySubject {
  readonly kind: Kind;
  readonly id: string;
  readonly revision: number;
  readonly type?: EventType;
}

/** Compiles what a person types into the filter. Relative times count from the present. */
export const parseQuery = (text: string) => compileQuery(text, { isTyping: true, clock: Date.now });

const empty = compileQuery('');
export const EMPTY_QUERY: Query = empty.ok ? empty.query : (undefined as never);
