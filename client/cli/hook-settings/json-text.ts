import { isJsonObject } from '../../../protocol/index.js';
import type { Fields } from '../hook/fields.js';

/** A file of settings as a JSON object; `{}` if there is no file or it is empty. */
export type ReadSettings =
  { readonly is: 'settings'; readonly settings: Fields } | { readonly is: 'refused'; readonly why: string };

/** Editors on Windows begin a file with it. */
const BYTE_ORDER_MARK = /^\uFEFF/;

export function readSettings(text: string | undefined): ReadSettings {
  if (text === undefined || text.trim() === '') return { is: 'settings', settings: {} };
  try {
    const value: unknown = JSON.parse(text.replace(BYTE_ORDER_MARK, ''));
    return isJsonObject(value) ? { is: 'settings', settings: value } : { is: 'refused', why: 'it is no JSON object' };
  } catch (error) {
    return { is: 'refused', why: `it is no JSON: ${(error as Error).message}` };
  }
}

/** Returns the settings as text, with the indentation, the ends of lines and the mark of encoding that the file has. */
export function settingsText(settings: Fields, before: string | undefined): string {
  const indent = /\n([ \t]+)"/.exec(before ?? '')?.[1] ?? '  ';
  const end = before === undefined || before.trim() === '' || before.endsWith('\n') ? '\n' : '';
  const text = JSON.stringify(settings, null, indent) + end;
  const mark = BYTE_ORDER_MARK.exec(before ?? '')?.[0] ?? '';
  return mark + (before?.includes('\r\n') === true ? text.replaceAll('\n', '\r\n') : text);
}
