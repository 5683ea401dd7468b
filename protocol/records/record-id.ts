import { utf8Bytes } from '../utf8.js';

/** Characters that lead to another directory. */
const PATH = /[/\\]/;
// Control characters, the marks that change the direction of text, and what Node puts in place of bytes that are not UTF-8.
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/;

/** Why a text is the id of no record. `hidden`: writers use such names for temporary files. */
export type RecordIdFault = 'empty' | 'hidden' | 'path' | 'unprintable' | 'too-long';

/**
 * Returns why a text can be the id of no record: no file in a kind's directory that counts as a record can have this name.
 * @returns `undefined` if a record can have it.
 */
export function recordIdFault(id: string, maxIdBytes: number): RecordIdFault | undefined {
  if (id === '') return 'empty';
  if (PATH.test(id)) return 'path';
  if (id.startsWith('.')) return 'hidden';
  if (UNPRINTABLE.test(id) || !id.isWellFormed()) return 'unprintable';
  return isLonger(id, maxIdBytes) ? 'too-long' : undefined;
}

/** A code unit takes one to three bytes, so most ids need not be encoded. */
function isLonger(id: string, bytes: number): boolean {
  return id.length > bytes || (id.length * 3 > bytes && utf8Bytes(id) > bytes);
}

/** Returns the fault as the end of a sentence about the id. */
export function recordIdFaultText(fault: RecordIdFault, maxIdBytes: number): string {
  switch (fault) {
    case 'empty':
      return 'is empty';
    case 'hidden':
      return 'begins with a dot, as the names of temporary files do';
    case 'path':
      return 'is a path: an id is the name of a file, without .json';
    case 'unprintable':
      return 'has characters that no id has';
    case 'too-long':
      return `is too long: an id has 1 to ${String(maxIdBytes)} bytes in UTF-8 (max_id_bytes)`;
  }
}
