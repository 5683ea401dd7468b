import {
  FILTER_FIELDS,
  closestMatch,
  compileQuery,
  markedQuery,
  MAX_EVENTS,
  parseCursor,
  parseFilter,
  ProtocolError,
  type Filter,
  type FilterInput,
  type FilterLimits,
  type Query as CompiledQuery,
  type QueryTerm,
} from '../../../protocol/index.js';
import { ParameterError, readParameters } from './parameters.js';

/** Parameters that fill a field of the filter. Each can be repeated, and has the name of a flag of `watch`. */
type FilterParameter = keyof typeof FILTER_FIELDS;
type SingleParameter = 'max_events' | 'since' | 'snapshot' | 'problem' | 'query';
export type Parameter = FilterParameter | SingleParameter;

/** The parameters of `/events`, in the order in which a refusal lists them. */
export const EVENT_PARAMETERS: readonly Parameter[] = [
  'kind',
  'run_id',
  'branch',
  'address',
  'event_type',
  'id',
  'max_events',
  'since',
  'snapshot',
  'query',
];
/** The parameters of `/records`, in the order in which a refusal lists them. */
export const RECORD_PARAMETERS: readonly Parameter[] = [
  'kind',
  'run_id',
  'branch',
  'address',
  'id',
  'max_events',
  'problem',
  'query',
];

export interface Query {
  /** The filter as the query gives it, checked. A subscription takes it unchanged. */
  readonly filterInput: FilterInput;
  readonly filter: Filter;
  readonly maxEvents: number | undefined;
  readonly since: string | undefined;
  readonly snapshot: 'full' | 'none';
  /** Only records that have a problem. */
  readonly onlyProblems: boolean;
  /** In the query language; narrows what the filter lets through. */
  readonly query: CompiledQuery | undefined;
}

/**
 * The fields of the query language that each path has. A regular expression could delay the server for as long as it likes; sizes and lag
 * are measured by clients.
 */
const RECORD_FIELDS: readonly QueryTerm['field'][] = ['kind', 'run', 'branch', 'addr', 'id', 'problem', 'rev', 'text'];
const EVENT_FIELDS: readonly QueryTerm['field'][] = [...RECORD_FIELDS, 'type', 'reason', 'since', 'until'];

const MAX_QUERY_CHARACTERS = 2_048;

/**
 * Reads a query strictly. If an unknown parameter were ignored, a misspelt filter would match everything.
 * @throws ParameterError if a parameter is unknown, repeated or invalid.
 */
export function readQuery(query: string, allowed: readonly Parameter[], limits: FilterLimits): Query {
  const given = new Map<Parameter, string[]>();
  for (const { name, value, withPlus } of readParameters(query)) {
    const known = allowed.find((parameter) => parameter === name) ?? refuseName(name, allowed);
    if (value.trim() === '' && withPlus === undefined)
      throw new ParameterError(`${name} is empty; give it a value or leave it out`);
    // Values of one field are combined with OR, so both readings are asked about.
    const readings = withPlus !== undefined && isOfFilter(known) ? [value, withPlus] : [value];
    given.set(known, [...(given.get(known) ?? []), ...readings.filter((reading) => reading.trim() !== '')]);
  }
  const filterInput = Object.fromEntries(
    (Object.entries(FILTER_FIELDS) as [FilterParameter, keyof Filter][])
      .map(([parameter, field]) => [field, given.get(parameter)] as const)
      .filter(([, values]) => values !== undefined),
  ) as FilterInput;
  const single = (name: SingleParameter): string | undefined => onlyOne(name, given.get(name));
  return {
    filterInput,
    filter: readFilter(filterInput, limits),
    maxEvents: readMaxEvents(single('max_events')),
    since: readSince('since', single('since')),
    snapshot: readSnapshot(single('snapshot')),
    onlyProblems: readProblem(single('problem')),
    query: readCompiled(single('query'), allowed.includes('event_type') ? 'events' : 'records'),
  };
}

const isOfFilter = (name: Parameter): name is FilterParameter => Object.hasOwn(FILTER_FIELDS, name);

/** @throws ParameterError if the text is no cursor. */
export function readSince(name: string, text: string | undefined): string | undefined {
  if (text === undefined || parseCursor(text)) return text;
  throw new ParameterError(`${name} must be a cursor, epoch:revision, as events carry it`);
}

function refuseName(name: string, allowed: readonly Parameter[]): never {
  if (/^(access_)?token$/i.test(name)) {
    throw new ParameterError('the token goes into the header Authorization: Bearer, never into an address');
  }
  const best = closestMatch(name, allowed);
  const known = allowed.length === 0 ? 'it takes none' : `there are ${allowed.join(', ')}`;
  const hint = best === undefined ? known : `did you mean ${best}?`;
  throw new ParameterError(`there is no parameter ${JSON.stringify(name.slice(0, 40))} here; ${hint}`);
}

/** @throws ParameterError if the parameter is given more than once, or its `+` may be a space. */
export function onlyOne(name: string, values: readonly string[] | undefined): string | undefined {
  const [first, second] = values ?? [];
  if (values?.length === 2 && second?.includes('+') === true && second.replaceAll('+', ' ') === first)
    throw new ParameterError(`${name} has a +; write %2B for a plus, or %20 for a space`);
  if (values !== undefined && values.length > 1) throw new ParameterError(`${name} can be given once`);
  return values?.[0];
}

function readFilter(input: FilterInput, limits: FilterLimits): Filter {
  try {
    return parseFilter(input, limits);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ParameterError(inOurNames(error.message));
  }
}

/** Returns an error text of the filter with the query's name for the field. */
function inOurNames(message: string): string {
  return message.replace(/^filter\.(\w+)/, (whole, field: string) => {
    const named = Object.entries(FILTER_FIELDS).find(([, known]) => known === field);
    return named?.[0] ?? whole;
  });
}

function readMaxEvents(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= MAX_EVENTS) return value;
  throw new ParameterError(`max_events must be a whole number from 1 to ${String(MAX_EVENTS)}`);
}

function readSnapshot(text: string | undefined): 'full' | 'none' {
  if (text === undefined || text === 'full' || text === 'none') return text ?? 'full';
  throw new ParameterError('snapshot must be full or none');
}

function readCompiled(text: string | undefined, path: 'events' | 'records'): CompiledQuery | undefined {
  if (text === undefined) return undefined;
  if (text.length > MAX_QUERY_CHARACTERS) {
    throw new ParameterError(`query has more than ${String(MAX_QUERY_CHARACTERS)} characters`);
  }
  const fields = path === 'events' ? EVENT_FIELDS : RECORD_FIELDS;
  const compiled = compileQuery(text, { fields, view: `/${path}` });
  if (compiled.ok) return compiled.query;
  throw new ParameterError(
    `query: ${compiled.error.message}`,
    markedQuery(text, compiled.error, (shown) => Array.from(shown).length),
  );
}

function readProblem(text: string | undefined): boolean {
  if (text === undefined || text === '1' || text === '0') return text === '1';
  throw new ParameterError('problem must be 1, for records that cannot be read, or 0');
}
