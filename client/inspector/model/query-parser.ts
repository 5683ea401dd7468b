import { EVENT_TYPES, kindFromName, KINDS, closestMatch } from '../../../protocol/index.js';
import { addressesOf, textOf } from './entry.js';
import { FIELDS, makeQuery, type Field, type Query, type Subject, type Term, type Test } from './query.js';

/** Where a query is invalid, and why. */
export interface QueryError {
  readonly message: string;
  /** The index of the first wrong character. */
  readonly at: number;
}

export type ParsedQuery =
  { readonly ok: true; readonly query: Query } | { readonly ok: false; readonly error: QueryError };

/** A piece of the text between spaces. Spaces inside quotes or slashes do not separate. */
export interface Word {
  readonly at: number;
  readonly text: string;
}

class QuerySyntaxError extends Error {}

/**
 * Reads the filter language: `kind:reservation branch:main run:agent-4* addr:src/billing.py::* !type:modified /regex/`.
 * `!` or `-` in front negates a word; a comma, or the same field again, means "or"; anything else is searched for as text.
 */
export function parseQuery(text: string): ParsedQuery {
  const terms: Term[] = [];
  let asksForHeartbeats = false;
  for (const word of splitWords(text)) {
    try {
      const term = parseWord(word.text);
      if (!term) continue;
      terms.push(term);
      asksForHeartbeats ||= term.field === 'kind' && !term.isNegated && word.text.includes('heartbeat');
    } catch (error) {
      if (!(error instanceof QuerySyntaxError)) throw error;
      return { ok: false, error: { message: error.message, at: word.at } };
    }
  }
  return { ok: true, query: makeQuery(text, terms, asksForHeartbeats) };
}

export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  const pattern = /[!-]?\/(?:\\.|[^/\\])+\/i?(?=\s|$)|(?:"[^"]*"?|[^\s"])+/g;
  for (const match of text.matchAll(pattern)) words.push({ at: match.index, text: match[0] });
  return words;
}

function parseWord(word: string): Term | undefined {
  const isNegated = /^[!-]./.test(word);
  const body = isNegated ? word.slice(1) : word;
  if (body.startsWith('/') && /^\/.+\/i?$/s.test(body)) return { field: 'text', isNegated, test: regexTest(body) };
  const match = /^([a-z_]+):(.*)$/is.exec(body);
  if (match?.[2]?.startsWith(':') === false && isFieldLike(match[1]!)) {
    const field = fieldNamed(match[1]!);
    const values = match[2]
      .split(',')
      .map(unquote)
      .filter((value) => value !== '');
    // `run:` with no value is still being typed.
    if (values.length === 0) return undefined;
    const tests = values.map((value) => FIELD_TESTS[field](value));
    return { field, isNegated, test: (subject) => tests.some((test) => test(subject)) };
  }
  const wanted = unquote(body).toLowerCase();
  return wanted === '' ? undefined : { field: 'text', isNegated, test: textTest(wanted) };
}

const ALIASES: ReadonlyMap<string, Field> = new Map([
  ['address', 'addr'],
  ['addresses', 'addr'],
  ['kinds', 'kind'],
  ['run_id', 'run'],
  ['revision', 'rev'],
  ['event_type', 'type'],
]);

/** Some ids begin with `sha256:`, and links with `https:`. These are text, not fields. */
const isFieldLike = (name: string): boolean => !/^(sha\d+|https?)$/i.test(name);

function fieldNamed(name: string): Field {
  const known = name.toLowerCase();
  if (Object.hasOwn(FIELDS, known)) return known as Field;
  const alias = ALIASES.get(known);
  if (alias) return alias;
  const names = Object.keys(FIELDS);
  const best = closestMatch(known, names);
  throw new QuerySyntaxError(
    `no field “${name.slice(0, 20)}”${best === undefined ? '' : `, did you mean ${best}?`} — fields are ${names.join(', ')}`,
  );
}

/** Makes the test of a value, for each field. */
const FIELD_TESTS: Readonly<Record<Field, (value: string) => Test>> = {
  kind: (value) => {
    const glob = value.includes('*') ? globTest(value) : undefined;
    const kind = kindFromName(value);
    if (!glob && !kind) throw new QuerySyntaxError(`no kind “${value.slice(0, 20)}” — kinds are ${KINDS.join(', ')}`);
    return (subject) => (glob ? glob(subject.kind) : subject.kind === kind);
  },
  type: (value) => {
    const type = EVENT_TYPES.find((known) => known === value);
    if (!type) throw new QuerySyntaxError(`no type “${value.slice(0, 20)}” — types are ${EVENT_TYPES.join(', ')}`);
    return (subject) => subject.type === type;
  },
  run: (value) => fieldTest('run_id', value),
  branch: (value) => fieldTest('branch', value),
  addr: (value) => {
    const glob = globTest(value);
    return ({ data }) => addressesOf(data).some(glob);
  },
  id: (value) => {
    const glob = globTest(value);
    return ({ id }) => glob(id);
  },
  reason: (value) => (subject) => subject.reason === value,
  problem: (value) => {
    const glob = globTest(value);
    return ({ problem }) => problem !== undefined && glob(problem);
  },
  rev: (value) => numberTest(value, ({ revision }) => revision),
  bytes: (value) => numberTest(value, ({ bytes }) => bytes),
  lag: (value) => numberTest(value.replace(/ms$/, ''), ({ lagMs }) => lagMs),
};

const fieldTest = (field: 'run_id' | 'branch', value: string): Test => {
  const glob = globTest(value);
  return ({ data }) => {
    const text = textOf(data, field);
    return text !== undefined && glob(text);
  };
};

/** Returns a test in which `*` matches any text, `?` one character, and every other character itself. */
export function globTest(pattern: string): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const stars = pattern.match(/\*+/g)?.length ?? 0;
  if (stars > 8) throw new QuerySyntaxError('more than eight * in one value');
  const source = pattern
    .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`, 's');
  return (text) => expression.test(text.length > 1_024 ? text.slice(0, 1_024) : text);
}

function numberTest(value: string, read: (subject: Subject) => number | undefined): Test {
  const match = /^(>=|<=|>|<|=)?(\d+(?:\.\d+)?)$/.exec(value);
  if (!match) throw new QuerySyntaxError(`“${value.slice(0, 20)}” is not a number; write 100, >100, <=100`);
  const limit = Number(match[2]);
  const compare = COMPARISONS[match[1] ?? '=']!;
  return (subject) => {
    const number = read(subject);
    return number !== undefined && compare(number, limit);
  };
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
};

/** Only the beginning of a longer text is searched, so no expression can delay the stream for long. */
const MAX_SEARCHED_CHARACTERS = 4_096;

const textTest =
  (wanted: string): Test =>
  (subject) =>
    searched(subject).toLowerCase().includes(wanted);

function regexTest(body: string): Test {
  const isCaseless = body.endsWith('i');
  const source = body.slice(1, isCaseless ? -2 : -1);
  let expression: RegExp;
  try {
    expression = new RegExp(source, isCaseless ? 'is' : 's');
  } catch (error) {
    throw new QuerySyntaxError((error as Error).message);
  }
  return (subject) => expression.test(searched(subject));
}

const searched = ({ kind, id, data }: Subject): string =>
  `${kind} ${id} ${JSON.stringify(data)}`.slice(0, MAX_SEARCHED_CHARACTERS);

const unquote = (value: string): string => value.replaceAll('"', '');
