import { stripVTControlCharacters } from 'node:util';

// What a terminal obeys instead of showing: control characters, and marks that turn the direction of a text.
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text from a record, safe to print: escape sequences and control characters are left out. */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value);
  return stripVTControlCharacters(text).replace(UNPRINTABLE, '');
}
