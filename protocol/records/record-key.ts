import type { Kind } from './kinds.js';

/** Returns a text that names one record among those of all kinds. */
export const recordKey = (kind: Kind, id: string): string => `${kind}/${id}`;
