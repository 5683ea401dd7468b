import type { Kind } from '../../protocol/index.js';

const SUFFIX = '.json';
// Control characters, and the marks that change the direction of text.
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/;

/** Names one record. */
export interface RecordName {
  readonly kind: Kind;
  readonly id: string;
}

export const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;

/** What a file's name is: the id of a record, or the reason why it is not one. */
export type NameReading =
  | { readonly is: 'record'; readonly id: string }
  /** A temporary or hidden file, or one with another extension: not a record. */
  | { readonly is: 'other' }
  /** A name that a record may not have; it causes a warning. */
  | { readonly is: 'refused'; readonly why: 'too-long' | 'unprintable' };

/** Characters that lead to another directory. No file name contains `/`, but an id in a request of a client may. */
const PATH = /[/\\]/;

export function readRecordName(name: string, maxIdBytes: number): NameReading {
  if (!name.endsWith(SUFFIX) || name.startsWith('.') || PATH.test(name)) return { is: 'other' };
  const id = name.slice(0, -SUFFIX.length);
  if (UNPRINTABLE.test(id)) return { is: 'refused', why: 'unprintable' };
  if (id.length > maxIdBytes || Buffer.byteLength(id) > maxIdBytes) return { is: 'refused', why: 'too-long' };
  return { is: 'record', id };
}
