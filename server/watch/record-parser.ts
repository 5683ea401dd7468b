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

/** Reads a file's bytes as a record: strict UTF-8 (a byte order mark is skipped), strict JSON, an object, not too deep. */
export function parseRecord(bytes: Buffer, maxDepth: number): ParsedRecord {
  const hasMark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = bytes.toString('utf8', hasMark ? 3 : 0);
  // The decoder puts this character in place of invalid UTF-8. Without one the slower check is not needed.
  if (text.includes('\ufffd') && !isUtf8(bytes)) return problem('invalid-json');
  if (bytes.length > LOOK_AT_NESTING_FROM_BYTES && isNestedDeeper(bytes, maxDepth)) return problem('too-deep');
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return problem('invalid-json');
  }
  if (!isJsonObject(value)) return problem('not-an-object');
  const inspection = { warnings: NO_WARNINGS };
  const found = inspect(value, maxDepth, inspection);
  if (found !== undefined) return problem(found);
  return { is: 'data', data: value, warnings: inspection.warnings };
}

/** @returns the first problem inside a value. An unsafe integer causes only a warning. */
function inspect(
  value: JsonValue | undefined,
  depthLeft: number,
  notes: { warnings: readonly string[] },
): Problem | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'invalid-json';
  if (typeof value === 'number') {
    // `1e999` is parsed as Infinity, which the JSON encoding of the wire cannot carry.
    if (!Number.isFinite(value)) return 'invalid-json';
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
    if (!key.isWellFormed()) return 'invalid-json';
    const found = inspect(inner, depthLeft - 1, notes);
    if (found !== undefined) return found;
  }
  return undefined;
}
