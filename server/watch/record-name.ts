import type { Kind } from '../../protocol/index.js';

const SUFFIX = '.json';
// Control characters, and the marks that change the direction in which a name is read.
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/;

/** Which record is meant. */
export interface RecordName {
  readonly kind: Kind;
  readonly id: string;
}

export const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;

/** What a file's name says: the id of a record, or why it is none. */
export type NameReading =
  | { readonly is: 'record'; readonly id: string }
  /** A temporary or hidden file, another extension: nobody's record. */
  | { readonly is: 'other' }
  /** A name that a record may not have; worth a warning. */
  | { readonly is: 'refused'; readonly why: 'too-long' | 'unprintable' };

/** What would lead to another directory; no file's name has it, and whoever asks for such an id is not answered. */
const PATH = /[/\\]/;

export function readRecordName(name: string, maxIdBytes: number): NameReading {
  if (!name.endsWith(SUFFIX) || name.startsWith('.') || PATH.test(name)) return { is: 'other' };
  const id = name.slice(0, -SUFFIX.length);
  if (UNPRINTABLE.test(id)) return { is: 'refused', why: 'unprintable' };
  if (id.length > maxIdBytes || Buffer.byteLength(id) > maxIdBytes) return { is: 'refused', why: 'too-long' };
  return { is: 'record', id };
}
