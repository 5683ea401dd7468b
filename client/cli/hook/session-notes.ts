import { asFields } from './fields.js';
import type { Signatures } from './changed-files.js';

/** What the hook remembers of a session. */
export interface SessionNotes {
  /** The signatures of the changed files at the last call; `undefined` before the first one. */
  readonly files: Signatures | undefined;
  /** Files that the hook has reported as changed without a lease; it reports each only once. */
  readonly told: readonly string[];
}

const NONE: SessionNotes = { files: undefined, told: [] };

/** @param text the stored notes, if there are any. Notes that cannot be parsed count as none. */
export function readNotes(text: string | undefined): SessionNotes {
  if (text === undefined) return NONE;
  try {
    const { files, told } = asFields(JSON.parse(text));
    const signatures = Object.entries(asFields(files)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    const isList = Array.isArray(told) && told.every((path) => typeof path === 'string');
    return { files: files === undefined ? undefined : Object.fromEntries(signatures), told: isList ? told : [] };
  } catch {
    return NONE;
  }
}

export const notesText = (notes: SessionNotes): string => JSON.stringify(notes);
