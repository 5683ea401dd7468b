import {
  compileQuery,
  QUERY_FIELDS,
  type EventType,
  type Kind,
  type Query,
  type QuerySubject,
  type QueryTerm,
} from '../../../protocol/index.js';
import type { ViewName } from './view-name.js';

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

/** How much of a query a view does not use. It says so, because a filter that narrows nothing looks as if everything matched. */
export type Unused =
  { readonly is: 'none' } | { readonly is: 'all' } | { readonly is: 'fields'; readonly fields: readonly string[] };

export function unusedIn(view: ViewName, { terms, isEmpty }: Query): Unused {
  if (isEmpty) return { is: 'none' };
  switch (view) {
    case 'pulse':
    case 'bus':
      return { is: 'all' };
    case 'stream':
    case 'lanes':
      return { is: 'none' };
    case 'agents':
    case 'symbols': {
      const fields = [...new Set(terms.map(({ field }) => field).filter(isOfEvents))];
      return fields.length === 0 ? { is: 'none' } : { is: 'fields', fields };
    }
  }
}

const isOfEvents = (field: QueryTerm['field']): boolean =>
  field !== 'text' && field !== 'regex' && QUERY_FIELDS[field].of === 'event';

const empty = compileQuery('');
export const EMPTY_QUERY: Query = empty.ok ? empty.query : (undefined as never);
