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

/** Deeper settings cannot be compared and written, which takes a call for each level. */
const MAX_DEPTH = 200;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]|-?\d[\d.eE+-]*/g;
/** A number keeps as many digits. */
const MAX_DIGITS = 15;

/** Returns settings that can be written again; refuses a file of which the new text would lose something. */
export function readToWrite(text: string | undefined): ReadSettings {
  const read = readSettings(text);
  const why = read.is === 'settings' ? lossIn(text ?? '') : undefined;
  return why === undefined ? read : { is: 'refused', why };
}

/** @param text valid JSON, or empty. */
function lossIn(text: string): string | undefined {
  /** The keys of each object around the token, and nothing for each list. */
  const around: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') around.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') around.pop();
    else if (token === ':') {
      const key = JSON.parse(last) as string;
      if (around.at(-1)?.has(key)) return `it has the key ${last} twice, and only one would be kept`;
      around.at(-1)?.add(key);
    } else if (!token.startsWith('"') && !isKept(token)) return `the number ${token} would be another one`;
    if (around.length > MAX_DEPTH) return `it is nested more than ${String(MAX_DEPTH)} deep`;
    last = token;
  }
  return undefined;
}

function isKept(number: string): boolean {
  if (/^-?\d+$/.test(number)) return String(Number(number)) === number;
  const [digits = ''] = number.split(/e/i);
  return Number.isFinite(Number(number)) && digits.replace(/\D/g, '').length <= MAX_DIGITS;
}

/** Returns the settings as text, with the indentation, the ends of lines and the mark of encoding that the file has. */
export function settingsText(settings: Fields, before: string | undefined): string {
  const indent = /\n([ \t]+)"/.exec(before ?? '')?.[1] ?? '  ';
  const end = before === undefined || before.trim() === '' || before.endsWith('\n') ? '\n' : '';
  const text = JSON.stringify(settings, null, indent) + end;
  const mark = BYTE_ORDER_MARK.exec(before ?? '')?.[0] ?? '';
  return mark + (before?.includes('\r\n') === true ? text.replaceAll('\n', '\r\n') : text);
}
