import type { Command } from 'commander';
import stringWidth from 'string-width';
import {
  compileQuery,
  markedQuery,
  type BusEvent,
  type Query,
  type QuerySubject,
  type QueryTerm,
} from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';
import { once } from './read-flag.js';

export interface QueryFlags {
  readonly query?: string;
}

const RECORD_FIELDS: readonly QueryTerm['field'][] = [
  'kind',
  'run',
  'branch',
  'addr',
  'id',
  'problem',
  'rev',
  'text',
  'regex',
];

/** The fields of the query language that each command has. Sizes and lag are measured by the inspector alone. */
export const QUERY_FIELDS_OF = {
  get: RECORD_FIELDS,
  watch: [...RECORD_FIELDS, 'type', 'reason', 'since', 'until'],
  top: ['run', 'branch', 'addr', 'id', 'text', 'regex'],
} as const satisfies Readonly<Record<string, readonly QueryTerm['field'][]>>;

export const withQuery = (command: Command): Command =>
  command.option(
    '--query <query>',
    "only what matches this query: 'run:agent-4* addr:src/ OR branch:main'; see docs/QUERIES.md",
    once('--query'),
  );

/** @throws CliError with the query, and a caret under its wrong character. */
export function readQueryFlag(text: string | undefined, view: keyof typeof QUERY_FIELDS_OF): Query | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === '') throw new CliError('--query is empty; leave it out to match all');
  const compiled = compileQuery(text, { fields: QUERY_FIELDS_OF[view], view, clock: Date.now });
  if (compiled.ok) return compiled.query;
  const marked = markedQuery(text, compiled.error, stringWidth);
  throw new CliError(`--query: ${compiled.error.message}`, 'bad_args', '', 1, marked);
}

/** An event as the subject of a query. A snapshot event has the time of the snapshot, not that of the change, so it has none here. */
export function subjectOf({ event_type: type, kind, id, data, revision, timestamp, ...rest }: BusEvent): QuerySubject {
  const { reason, problem } = rest as { readonly reason?: string; readonly problem?: string };
  const time = type === 'snapshot' ? {} : { atMs: Date.parse(timestamp) };
  return { type, kind, id, data, revision, reason, problem, ...time };
}
