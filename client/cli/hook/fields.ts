import { isJsonObject } from '../../../protocol/index.js';

/** A JSON object from another program, before its fields are checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns the fields of a JSON object; `{}` for any other value. */
export const asFields = (value: unknown): Fields => (isJsonObject(value) ? value : {});

/** Returns the first of the named fields that is a string or an array of strings, and is not empty. */
export function textIn(fields: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' && value !== '') return value;
    if (Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string'))
      return value.join('\n');
  }
  return undefined;
}
