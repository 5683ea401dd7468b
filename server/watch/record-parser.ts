import { isUtf8 } from 'node:buffer';
import { isJsonObject, type JsonValue, type Problem, type RecordData } from '../../protocol/index.js';
import { isNestedDeeper } from './nesting.js';

export type ParsedRecord =
  | { readonly is: 'data'; readonly data: RecordData; readonly warnings: readonly string[] }
  | { readonly is: 'problem'; readonly problem: Problem };

const problem = (name: Problem): ParsedRecord => ({ is: 'problem', problem: name });

/** Shorter files are parsed without this check: they cannot be nested so deeply that parsing takes long. */
const LOOK_AT_NESTING_FROM_BYTES = 4_096;

const NO_WARNINGS: readonly string[] = [];

/**
 * Reads a file's bytes as a record: strict UTF-8 (a byte order mark is skipped), JSON, an object, not too deep. What writers put into JSON
 * and the wire cannot carry is replaced, because Muse reads such a file and its lease holds: half of a surrogate pair, as of a text that was
 * cut, by U+FFFD; NaN and numbers that no double can hold by null.
 */
export function parseRecord(bytes: Buffer, maxDepth: number): ParsedRecord {
  const hasMark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = bytes.toString('utf8', hasMark ? 3 : 0);
  // The decoder puts this character in place of invalid UTF-8. Without one the slower check is not needed.
  if (text.includes('\ufffd') && !isUtf8(bytes)) return problem('invalid-json');
  if (bytes.length > LOOK_AT_NESTING_FROM_BYTES && isNestedDeeper(bytes, maxDepth)) return problem('too-deep');
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    return problem('invalid-json');
  }
  if (!isJsonObject(value)) return problem('not-an-object');
  const notes: Notes = { warnings: NO_WARNINGS, isSendable: true };
  const found = inspect(value, maxDepth, notes);
  if (found !== undefined) return problem(found);
  if (notes.isSendable) return { is: 'data', data: value, warnings: notes.warnings };
  return { is: 'data', data: sendable(value) as RecordData, warnings: ['what the wire cannot carry is replaced'] };
}

/** Numbers that Python writes and JSON does not have, and the texts around them, in which the same letters are no numbers. */
const TEXT_OR_NOT_A_NUMBER = /"(?:[^"\\]|\\[^])*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;
/** Too large for a double. */
const INFINITE = '1e999';

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (!text.includes('NaN') && !text.includes('Infinity')) throw error;
    return JSON.parse(
      text.replace(TEXT_OR_NOT_A_NUMBER, (part) => (part.startsWith('"') ? part : INFINITE)),
    ) as JsonValue;
  }
}

/** What was found inside a value. */
interface Notes {
  warnings: readonly string[];
  /** Whether the wire can carry all of it. */
  isSendable: boolean;
}

/** Replaces what the wire cannot carry. */
function sendable(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(sendable);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toWellFormed(), sendable(inner as JsonValue)]),
  );
}

/** @returns the first problem inside a value. An unsafe integer causes only a warning. */
function inspect(value: JsonValue | undefined, depthLeft: number, notes: Notes): Problem | undefined {
  if (typeof value === 'string') {
    notes.isSendable &&= value.isWellFormed();
    return undefined;
  }
  if (typeof value === 'number') {
    // `1e999` is parsed as Infinity.
    notes.isSendable &&= Number.isFinite(value);
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isInteger(value)) notes.warnings = ['number beyond 2^53'];
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depthLeft === 0) return 'too-deep';
  if (Array.isArray(value)) {
    for (const element of value as readonly JsonValue[]) {
      const found = inspect(element, depthLeft - 1, notes);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return 'unsafe-key';
    notes.isSendable &&= key.isWellFormed();
    const found = inspect(inner, depthLeft - 1, notes);
    if (found !== undefined) return found;
  }
  return undefined;
}
