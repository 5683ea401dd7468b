import { asFields } from './fields.js';
import type { Signatures } from './changed-files.js';

/** What is remembered of a session. */
export interface SessionNotes {
  /** How the files were at the last look; `undefined` before the first one. */
  readonly files: Signatures | undefined;
  /** Files of which the agent has been told that it has no lease: once is enough. */
  readonly told: readonly string[];
}

const NONE: SessionNotes = { files: undefined, told: [] };

/** @param text what was remembered, where anything was. What cannot be read is forgotten. */
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
