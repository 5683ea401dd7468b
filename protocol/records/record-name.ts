import type { Kind } from './kinds.js';

/** Names one record. */
export interface RecordName {
  readonly kind: Kind;
  readonly id: string;
}

/** Returns a text that names one record among those of all kinds. An id contains no slash, because it is a file's name. */
export const recordKey = (kind: Kind, id: string): string => `${kind}/${id}`;
