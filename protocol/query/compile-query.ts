import { closestMatch } from '../closest-match.js';
import { visibleText } from '../visible-text.js';
import {
  makeQuery,
  QUERY_FIELD_NAMES,
  type Query,
  type QueryField,
  type QuerySubject,
  type QueryTerm,
} from './query.js';
import { FIELD_TESTS } from './values.js';
import { QuerySyntaxError, splitValues, splitWords, unquote, wholeWords, type QueryError, type Word } from './words.js';

export type CompiledQuery =
  { readonly ok: true; readonly query: Query } | { readonly ok: false; readonly error: QueryError };

export interface QueryOptions {
  /** The fields that the view has. A term about another one is an error that names the view. @default all */
  readonly fields?: readonly QueryTerm['field'][];
  /** Names the view in that error: `get`, `/records`. */
  readonly view?: string;
  /** Whether it is still being typed: `run:`, and an OR at the end, are then no errors. */
  readonly isTyping?: boolean;
  /** The present, Unix milliseconds. It is only asked if the query has a relative time. @default `since:5m` matches nothing */
  readonly clock?: () => number;
}

/**
 * Compiles a query: `kind:reservation branch:main run:agent-4* addr:src/billing.py !type:modified since:5m /regex/`.
 * `!` or `-` in front negates a word; a comma, or the same field again, means "or"; `OR` separates whole alternatives; anything else is
 * searched for as text. docs/QUERIES.md describes it.
 */
export function compileQuery(text: string, options: QueryOptions = {}): CompiledQuery {
  try {
    return { ok: true, query: readQuery(text, options) };
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error;
    return { ok: false, error: { message: error.message, at: error.at } };
  }
}

function readQuery(text: string, options: QueryOptions): Query {
  const alternatives: QueryTerm[][] = [[]];
  let asksForHeartbeats = false;
  let or: Word | undefined;
  // While a person types, a quote is open until it is closed.
  for (const word of options.isTyping === true ? splitWords(text) : wholeWords(text)) {
    if (word.text === 'OR') {
      if (alternatives.at(-1)!.length === 0) throw new QuerySyntaxError('OR needs a term before it', word.at);
      alternatives.push([]);
      or = word;
      continue;
    }
    if (word.text === 'AND') continue;
    const term = readTerm(word, options);
    if (!term) continue;
    alternatives.at(-1)!.push(term);
    asksForHeartbeats ||= term.field === 'kind' && !term.isNegated && word.text.includes('heartbeat');
  }
  if (or && alternatives.at(-1)!.length === 0) {
    if (options.isTyping !== true) throw new QuerySyntaxError('OR needs a term after it', or.at);
    alternatives.pop();
  }
  return makeQuery(text, alternatives, asksForHeartbeats, options.clock ?? (() => Infinity));
}

function readTerm(word: Word, options: QueryOptions): QueryTerm | undefined {
  const isNegated = /^[!-]./.test(word.text);
  const at = word.at + (isNegated ? 1 : 0);
  const body = isNegated ? word.text.slice(1) : word.text;
  if (/^\/.+\/i?$/s.test(body)) {
    checkUse('regex', at, options);
    return { field: 'regex', isNegated, at: word.at, test: regexTest(body, at) };
  }
  if (body.startsWith('(')) {
    throw new QuerySyntaxError(
      'parentheses do not group; write OR between whole alternatives, or quote it as text',
      at,
    );
  }
  const match = /^([a-z_]+):(.*)$/is.exec(body);
  if (match?.[2]?.startsWith(':') === false && isFieldLike(match[1]!)) {
    const field = fieldNamed(match[1]!, at, options);
    checkUse(field, at, options);
    const valuesAt = at + match[1]!.length + 1;
    const values = splitValues(match[2], valuesAt);
    if (values.length === 0) {
      if (options.isTyping === true) return undefined;
      throw new QuerySyntaxError(`${field}: has no value`, valuesAt);
    }
    const tests = values.map((value) => FIELD_TESTS[field](value.text, value.at));
    return { field, isNegated, at: word.at, test: (subject, now) => tests.some((test) => test(subject, now)) };
  }
  const wanted = unquote(body).toLowerCase();
  if (wanted === '') return undefined;
  checkUse('text', at, options);
  return { field: 'text', isNegated, at: word.at, test: textTest(wanted) };
}

/** Data are searched as JSON, which has an escape before a quote, a backslash and a line break. */
function textTest(wanted: string): QueryTerm['test'] {
  const escaped = JSON.stringify(wanted).slice(1, -1);
  return (subject) => {
    const text = searched(subject).toLowerCase();
    return text.includes(wanted) || (escaped !== wanted && text.includes(escaped));
  };
}

function checkUse(field: QueryTerm['field'], at: number, { fields, view = 'this view' }: QueryOptions): void {
  if (fields === undefined || fields.includes(field)) return;
  const what = field === 'regex' ? 'a regular expression' : field === 'text' ? 'a text without a field' : `${field}:`;
  const named = fields.filter((one) => one !== 'text' && one !== 'regex');
  throw new QuerySyntaxError(`${view} does not use ${what}; it uses ${named.join(', ')}`, at);
}

const ALIASES: ReadonlyMap<string, QueryField> = new Map([
  ['address', 'addr'],
  ['addresses', 'addr'],
  ['kinds', 'kind'],
  ['run_id', 'run'],
  ['agent', 'run'],
  ['revision', 'rev'],
  ['event_type', 'type'],
  ['size', 'bytes'],
  ['before', 'until'],
]);

/** Links begin with `https:`. They are text, not fields; so are ids such as `sha256:…`, because no field has a digit. */
const isFieldLike = (name: string): boolean => !/^(https?|wss?|nats)$/i.test(name);

function fieldNamed(name: string, at: number, { fields }: QueryOptions): QueryField {
  const known = name.toLowerCase();
  const field = QUERY_FIELD_NAMES.find((one) => one === known) ?? ALIASES.get(known);
  if (field) return field;
  const names = QUERY_FIELD_NAMES.filter((one) => fields?.includes(one) ?? true);
  const best = closestMatch(known, names);
  const hint = best === undefined ? '' : `, did you mean ${best}?`;
  throw new QuerySyntaxError(`no field “${name.slice(0, 20)}”${hint} — fields are ${names.join(', ')}`, at);
}

/** Only the beginning of a longer text is searched, so no expression can delay the stream for long. */
const MAX_SEARCHED_CHARACTERS = 4_096;

function regexTest(body: string, at: number): QueryTerm['test'] {
  const isCaseless = body.endsWith('i');
  let expression: RegExp;
  try {
    expression = new RegExp(body.slice(1, isCaseless ? -2 : -1), isCaseless ? 'is' : 's');
  } catch (error) {
    throw new QuerySyntaxError((error as Error).message, at);
  }
  return (subject) => expression.test(searched(subject));
}

const searched = ({ kind, id, data }: QuerySubject): string =>
  `${kind ?? ''} ${id ?? ''} ${JSON.stringify(data)}`.slice(0, MAX_SEARCHED_CHARACTERS);

/** A query with a caret under the wrong character, for a terminal or a text answer. @param width how many columns a text takes. */
export function markedQuery(
  text: string,
  { at }: QueryError,
  width: (text: string) => number,
): readonly [string, string] {
  const shown = visibleText(text);
  return [shown, `${' '.repeat(width(visibleText(text.slice(0, at))))}^`];
}
