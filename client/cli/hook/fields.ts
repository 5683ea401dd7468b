import { isJsonObject } from '../../../protocol/index.js';

/** A JSON object from another program, before its fields are checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns the fields of a JSON object; `{}` for any other value. */
export const asFields = (value: unknown): Fields => (isJsonObject(value) ? value : {});

/** Returns the first of the named fields that is a string and is not empty. */
export function textIn(fields: Fields, names: readonly string[]): string | undefined {
  return names.map((name) => fields[name]).find((value): value is string => typeof value === 'string' && value !== '');
}
