import type { UnixMillis } from '../brand.js';
import { isJsonObject } from '../json-object.js';
import type { JsonObject, JsonValue, RecordData } from '../records/record.js';
import { parseTimestamp } from '../records/timestamp.js';
import {
  isAbsoluteAddress,
  normalBranch,
  parseAddress,
  type Address,
  type AddressContext,
  type ParsedAddress,
} from './address.js';
import { MAX_ADDRESSES, spellingsIn } from './address-spellings.js';

/** A field with a wrong value, and what would be right. */
export interface FieldProblem {
  readonly field: string;
  /** The wrong value, cut short; `nothing` if the field is missing. */
  readonly found: string;
  readonly right: string;
}

const MAX_SHOWN_CHARACTERS = 60;
/** Arrays in arrays beyond this depth are not read as lists of addresses. */
const MAX_ARRAY_DEPTH = 4;
const ADDRESS_FIELDS = ['addresses', 'address'] as const;
/** What some agents write in their place. Beside them they may name more than what is held: the files of a symbol. */
const FILE_FIELDS = ['files', 'paths'] as const;
const NAME_FIELDS = ['address', 'path', 'file', 'uri', 'name'] as const;

/**
 * Reads the fields of one record. Accepts any form whose meaning is certain; all else becomes a {@link FieldProblem}. Agents write records
 * by hand. Muse itself writes `""` and `null` for values that it does not know; these count as missing.
 */
export class FieldReader {
  readonly problems: FieldProblem[] = [];
  /** Whether a field has more addresses than are read, or one whose place in the repository is not known: the record may be about any. */
  isCut = false;

  constructor(
    private readonly data: RecordData,
    private readonly context: AddressContext = {},
  ) {}

  /** Returns the value of the first of the fields that is not blank. A number becomes its digits. */
  text(...fields: readonly string[]): string | undefined {
    for (const field of fields) {
      const value = this.data[field];
      if (isNothing(value)) continue;
      if (typeof value === 'string') return value;
      if (typeof value === 'number') return String(value);
      this.problem(field, value, 'a text');
    }
    return undefined;
  }

  branch(): string | undefined {
    const branch = this.text('branch');
    return branch === undefined ? undefined : normalBranch(branch);
  }

  time(...fields: readonly string[]): UnixMillis | undefined {
    for (const field of fields) {
      const value = this.data[field];
      if (isNothing(value)) continue;
      const time = parseTimestamp(value);
      if (time !== undefined) return time;
      this.problem(field, value, 'a time in ISO 8601, 2026-03-30T15:00:00Z');
    }
    return undefined;
  }

  number(field: string): number | undefined {
    const value = this.data[field];
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  }

  /** Returns the object in a field, or the object that a text in the field holds as JSON. */
  object(field: string): JsonObject | undefined {
    const value = this.data[field];
    if (isJsonObject(value)) return value;
    if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return undefined;
    try {
      const parsed = JSON.parse(value) as JsonValue;
      return isJsonObject(parsed) ? parsed : undefined;
    } catch {
      return undefined;
    }
  }

  /** Returns the addresses, each once. @param isNeeded whether a record of this kind means nothing without them. */
  addresses(isNeeded: boolean): readonly Address[] {
    const addresses = this.addressesIn(this.data, addressFieldsOf(this.data));
    if (isNeeded && addresses.length === 0 && this.problems.every(({ field }) => !isAddressField(field)))
      this.problem('addresses', this.data['addresses'], 'an array of texts, ["src/billing.py::compute_total"]');
    return addresses;
  }

  /** Returns the addresses in the given fields of an object. */
  addressesIn(data: JsonObject, fields: readonly string[]): readonly Address[] {
    const found = new Map<string, Address>();
    for (const field of fields) {
      const value = data[field];
      const { texts, isWhole } = spellingsOf(value);
      if (!isWhole) this.problem(field, value, 'an array of texts, ["src/billing.py::compute_total"]');
      if (texts.length > MAX_ADDRESSES) {
        this.isCut = true;
        this.problem(field, value, `at most ${String(MAX_ADDRESSES)} addresses; the others are not read`);
      }
      for (const text of texts.slice(0, MAX_ADDRESSES)) {
        const parsed = parseAddress(text, this.context);
        if (parsed.ok) found.set(parsed.address.text, parsed.address);
        else if (parsed.problem.problem === 'empty') continue;
        const isPlaceUnknown = parsed.ok
          ? isAbsoluteAddress(parsed.address)
          : parsed.problem.problem === 'outside' || parsed.problem.problem === 'absolute';
        this.isCut ||= isPlaceUnknown;
        if (isPlaceUnknown || !parsed.ok) this.problem(field, text, rightPath(parsed));
      }
    }
    return [...found.values()];
  }

  problem(field: string, found: JsonValue | undefined, right: string): void {
    this.problems.push({ field, found: shown(found), right });
  }
}

/** Returns the addresses of a record as they are written, for filters and queries that compare texts. */
export function addressTexts(data: JsonObject): readonly string[] {
  return addressFieldsOf(data).flatMap((field) => spellingsOf(data[field]).texts);
}

function addressFieldsOf(data: JsonObject): readonly string[] {
  const isSaid = (field: string): boolean => field in data && !isEmpty(data[field]);
  const fields = ADDRESS_FIELDS.filter(isSaid);
  return fields.length > 0 ? fields : FILE_FIELDS.filter(isSaid);
}

const isEmpty = (value: JsonValue | undefined): boolean =>
  isNothing(value) || (Array.isArray(value) && value.length === 0);

/** Returns the run of a record, for filters and queries that compare texts. */
export const runText = ({ run_id: run }: JsonObject): string | undefined => textOf(run);

/** Returns the branch of a record as it is written, for filters and queries that compare texts. */
export const branchText = ({ branch }: JsonObject): string | undefined => textOf(branch);

/** An agent may have written a number. */
function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && !isNothing(value) ? value : undefined;
}

/** Whether a value is missing, null, or blank. */
export function isNothing(value: JsonValue | undefined): value is undefined | null | '' {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

const rightPath = (parsed: ParsedAddress): string =>
  `a path from the root of the repository${parsed.ok ? '' : `: ${parsed.problem.text}`}`;

const isAddressField = (field: string): boolean => [...ADDRESS_FIELDS, ...FILE_FIELDS].some((known) => known === field);

/** The addresses that a value names. `isWhole` is false if a part of it names none: the others are held nevertheless. */
interface Spellings {
  readonly texts: readonly string[];
  readonly isWhole: boolean;
}

const NONE: Spellings = { texts: [], isWhole: true };
const UNREAD: Spellings = { texts: [], isWhole: false };

/**
 * Reads the addresses in a value: a text ({@link spellingsIn}), an object that names one or whose keys are addresses, or an array of these,
 * also as a text in JSON; an object may also have them in a field of its own.
 */
function spellingsOf(value: JsonValue | undefined, depthLeft = MAX_ARRAY_DEPTH): Spellings {
  if (isNothing(value)) return NONE;
  if (Array.isArray(value)) return ofArray(value as readonly JsonValue[], depthLeft);
  if (typeof value === 'string') return ofArrayText(value, depthLeft) ?? { texts: spellingsIn(value), isWhole: true };
  if (!isJsonObject(value)) return UNREAD;
  const texts = ofObject(value) ?? keysOf(value);
  if (texts) return { texts, isWhole: true };
  const fields = depthLeft === 0 ? [] : addressFieldsOf(value);
  return fields.length > 0
    ? ofArray(
        fields.map((field) => value[field]!),
        depthLeft,
      )
    : UNREAD;
}

function ofArray(items: readonly JsonValue[], depthLeft: number): Spellings {
  if (depthLeft === 0) return UNREAD;
  const each = items.map((item) => spellingsOf(item, depthLeft - 1));
  return { texts: each.flatMap(({ texts }) => texts), isWhole: each.every(({ isWhole }) => isWhole) };
}

function ofArrayText(text: string, depthLeft: number): Spellings | undefined {
  if (!/^\s*\[\s*["{[]/.test(text)) return undefined;
  try {
    return ofArray(JSON.parse(text) as readonly JsonValue[], depthLeft);
  } catch {
    return undefined;
  }
}

function ofObject(value: JsonObject): readonly string[] | undefined {
  const name = NAME_FIELDS.map((field) => value[field]).find((text) => typeof text === 'string' && text.trim() !== '');
  if (typeof name !== 'string') return undefined;
  const symbol = value['symbol'];
  return typeof symbol === 'string' && symbol !== '' && !name.includes('::')
    ? [`${name}::${symbol}`]
    : spellingsIn(name);
}

/** Returns the keys of an object such as `{"src/a.py": "modify"}`, if all of them can only be addresses. */
function keysOf(value: JsonObject): readonly string[] | undefined {
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /[/.]|::/.test(key)) ? keys : undefined;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}
