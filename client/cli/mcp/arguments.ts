import { z } from 'zod';
import { FILTER_FIELDS, fromVisibleText, kindFromName, closestMatch, isJsonObject } from '../../../protocol/index.js';
import { CliError } from '../cli-error.js';

type Shape = z.ZodRawShape;
type Given = Readonly<Record<string, unknown>>;

/** Maps the singular name of each filter field to the plural, and back. A tool that has one of them accepts both. */
const OTHER_NUMBER: ReadonlyMap<string, string> = new Map(
  Object.entries(FILTER_FIELDS).flatMap(([one, many]) => [
    [one, many],
    [many, one],
  ]),
);

/**
 * Reads a tool's arguments as models write them: `runId`, `run_id` and `run_ids` are the same, one value is a list of one,
 * `"10"` is a number, `tasks` is the kind `task`.
 * @param where the name of the tool in errors.
 * @throws CliError for an argument that is unknown, invalid or given twice, with a hint.
 */
export function readArguments<S extends Shape>(where: string, shape: S, given: Given): z.output<z.ZodObject<S>> {
  const result = z.strictObject(shape).safeParse(renamed(where, shape, given));
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new CliError(`${where}: ${faults.join('; ')}`);
}

function renamed(where: string, shape: Shape, given: Given): Given {
  const values = new Map<string, { readonly written: string; readonly value: unknown }>();
  for (const [written, value] of Object.entries(given)) {
    const name = nameOf(written, shape);
    if (name === undefined) throw unknown(where, written, shape);
    // A model that must name all arguments gives those that it leaves out as null.
    if (value === null) continue;
    const before = values.get(name);
    if (before)
      throw new CliError(`${where}: ${before.written} and ${written} are the same argument`, 'bad_args', 'give one');
    values.set(name, { written, value: read(`${where}: ${written}`, name, shape[name]!, value) });
  }
  return Object.fromEntries([...values].map(([name, { value }]) => [name, value]));
}

function nameOf(written: string, shape: Shape): string | undefined {
  const snake = written.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');
  return [written, snake, OTHER_NUMBER.get(snake)].find((name) => name !== undefined && Object.hasOwn(shape, name));
}

function unknown(where: string, written: string, shape: Shape): CliError {
  const names = Object.keys(shape);
  const others = names.map((name) => OTHER_NUMBER.get(name)).filter((name) => name !== undefined);
  const best = closestMatch(written, [...names, ...others]);
  const hint = best === undefined ? `it takes ${names.join(', ')}` : `did you mean ${nameOf(best, shape)!}?`;
  return new CliError(`${where} has no argument ${JSON.stringify(written.slice(0, 80))}`, 'bad_args', hint);
}

/** Converts a value to the type of its argument. The schema refuses what cannot be converted. */
function read(where: string, name: string, type: z.core.$ZodType, value: unknown): unknown {
  const bare = withoutDefault(type);
  if (bare instanceof z.ZodObject && isJsonObject(value)) return renamed(where, bare.shape, value);
  if (bare instanceof z.ZodArray) return (Array.isArray(value) ? value : [value]).map((one) => readOne(name, one));
  if (bare instanceof z.ZodNumber && typeof value === 'string' && value.trim() !== '') return Number(value);
  if (bare instanceof z.ZodBoolean && (value === 'true' || value === 'false')) return value === 'true';
  if (!Array.isArray(value)) return readOne(name, value);
  if (value.length === 1) return readOne(name, value[0]);
  throw new CliError(`${where} takes one value, got ${String(value.length)}`, 'bad_args', 'ask once for each');
}

/** Escaped texts may be passed back as they were shown. */
function readOne(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (name === 'kind' || name === 'kinds') return kindFromName(value) ?? value;
  return fromVisibleText(value);
}

function withoutDefault(type: z.core.$ZodType): z.core.$ZodType {
  return type instanceof z.ZodOptional || type instanceof z.ZodDefault ? withoutDefault(type.unwrap()) : type;
}
