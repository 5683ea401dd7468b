import { ProtocolError } from '../wire/errors.js';
import { EVENT_TYPES, type EventType } from '../wire/event.js';
import { KINDS, kindFromName, type Kind } from '../records/kinds.js';
import { closestMatch } from '../closest-match.js';
import { recordIdFault, recordIdFaultText } from '../records/record-id.js';
import { isJsonObject } from '../json-object.js';

/**
 * Which events a subscription receives. Fields are joined with AND, the values in a field with OR. A field that is left out matches every
 * record. A record that lacks a field of the filter does not match.
 */
export interface Filter {
  readonly kinds?: readonly Kind[];
  /** Exact match on `data.run_id`. */
  readonly run_ids?: readonly string[];
  /** Exact match on `data.branch`. */
  readonly branches?: readonly string[];
  readonly event_types?: readonly EventType[];
  /** Exact match on the record's id. */
  readonly ids?: readonly string[];
  /** A record matches if any of `data.addresses` is equal to a value here, or matches it as a glob in picomatch's meaning. */
  readonly addresses?: readonly string[];
}

/** The input for a {@link Filter}. Kinds may also be directory names. */
export interface FilterInput {
  readonly kinds?: readonly string[];
  readonly run_ids?: readonly string[];
  readonly branches?: readonly string[];
  readonly event_types?: readonly string[];
  readonly ids?: readonly string[];
  readonly addresses?: readonly string[];
}

/**
 * The name of a single value of each field, in a query string, on a command line and in a tool call of a model, and the field that it goes
 * into.
 */
export const FILTER_FIELDS = {
  kind: 'kinds',
  run_id: 'run_ids',
  branch: 'branches',
  address: 'addresses',
  event_type: 'event_types',
  id: 'ids',
} as const satisfies Readonly<Record<string, keyof Filter>>;

export interface FilterLimits {
  /** The most values in all fields of one filter together. @default 1_000 */
  readonly maxFilterTerms: number;
  /** The most characters of a run id or branch. @default 256 */
  readonly maxValueLength: number;
  /** The most bytes of a record's id in UTF-8. @default 256 */
  readonly maxIdBytes: number;
  /** The most characters of an address or glob. @default 512 */
  readonly maxGlobLength: number;
  /** The most wildcards in one glob. The time to match grows with their number. @default 8 */
  readonly maxGlobWildcards: number;
  /** The most globs in one filter. @default 100 */
  readonly maxGlobs: number;
  /** The most steps that all globs of one filter may take together for every 32 characters of addresses. @default 10_000 */
  readonly maxFilterCost: number;
}

export const FILTER_LIMITS: FilterLimits = {
  maxFilterTerms: 1_000,
  maxValueLength: 256,
  maxIdBytes: 256,
  maxGlobLength: 512,
  maxGlobWildcards: 8,
  maxGlobs: 100,
  maxFilterCost: 10_000,
};

type Field = keyof Filter;

/** The filter that matches every event. */
export const EVERYTHING: Filter = {};

export const refuse = (text: string): never => {
  throw new ProtocolError('bad-option', text);
};

/** Refuses a count beyond a limit, and names the limit as `welcome` does. */
export const atMost = (limits: FilterLimits, name: keyof FilterLimits, count: number, what: string): void => {
  if (count > limits[name]) refuse(`${what}; at most ${String(limits[name])} (${snakeCase(name)})`);
};

const characters = (field: Field, value: string, limits: FilterLimits, name: keyof FilterLimits): string => {
  atMost(limits, name, value.length, `filter.${field}: a value has ${String(value.length)} characters`);
  return value;
};

/** The reader of one value, for each field. */
const FIELDS: Readonly<Required<Record<Field, (value: string, limits: FilterLimits) => string>>> = {
  kinds: (value) =>
    kindFromName(value) ??
    refuse(`filter.kinds: ${quote(value)} is no kind${suggest(value, KINDS)}; kinds are ${KINDS.join(', ')}`),
  run_ids: (value, limits) => characters('run_ids', value, limits, 'maxValueLength'),
  branches: (value, limits) => characters('branches', value, limits, 'maxValueLength'),
  event_types: (value) =>
    EVENT_TYPES.find((type) => type === value) ??
    refuse(
      `filter.event_types: ${quote(value)} is no event type${suggest(value, EVENT_TYPES)}; types are ${EVENT_TYPES.join(', ')}`,
    ),
  ids: (value, limits) => {
    // It would match nothing for ever.
    const fault = recordIdFault(value, limits.maxIdBytes);
    return fault === undefined
      ? value
      : refuse(`filter.ids: ${quote(value)} ${recordIdFaultText(fault, limits.maxIdBytes)}`);
  },
  addresses: (value, limits) => characters('addresses', value, limits, 'maxGlobLength'),
};

const FIELD_NAMES = Object.keys(FIELDS) as readonly Field[];

/**
 * Reads a filter from untrusted input. Checks every field and value, except what the globs cost. Turns directory names into kinds, sorts
 * the values and removes duplicates, so that equivalent filters have the same {@link filterKey}. A client needs no more than this; code
 * that matches records with the filter calls `parseFilter`.
 * @throws ProtocolError `bad-option`, naming the field and what it accepts.
 */
export function readFilter(input: unknown, limits: FilterLimits = FILTER_LIMITS): Filter {
  if (!isJsonObject(input)) {
    return refuse('filter must be a map of fields to arrays of strings');
  }
  let terms = 0;
  const filter: Partial<Record<Field, readonly string[]>> = {};
  for (const [name, values] of Object.entries(input)) {
    if (values === undefined) continue;
    const field = FIELD_NAMES.find((known) => known === name);
    if (field === undefined) {
      return refuse(
        `filter has no field ${quote(name)}${suggest(name, FIELD_NAMES)}; fields are ${FIELD_NAMES.join(', ')}`,
      );
    }
    if (!Array.isArray(values)) return refuse(`filter.${field} must be an array of strings`);
    if (values.length === 0) return refuse(`filter.${field} is empty; leave it out to ask nothing of it`);
    terms += values.length;
    atMost(limits, 'maxFilterTerms', terms, `filter has ${String(terms)} values`);
    const read = values.map((value: unknown) => {
      if (typeof value !== 'string' || !value.isWellFormed())
        return refuse(`filter.${field} must be an array of strings`);
      // It usually comes from an unset variable, and would match nothing for ever.
      if (value.trim() === '') return refuse(`filter.${field}: a value is empty; leave it out to match any`);
      return FIELDS[field](value, limits);
    });
    filter[field] = [...new Set(read)].sort();
  }
  return filter as Filter;
}

/** Returns a limit's name on the wire: `maxFilterTerms` is `max_filter_terms` in `welcome`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Returns a text that is the same for equivalent filters. The filters must come from {@link readFilter}. */
export function filterKey(filter: Filter): string {
  return JSON.stringify(FIELD_NAMES.map((field) => filter[field] ?? 0));
}

export const quote = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

const suggest = (text: string, known: readonly string[]): string => {
  const best = closestMatch(text, known);
  return best === undefined ? '' : `, did you mean ${quote(best)}?`;
};
