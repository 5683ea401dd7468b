import type { Signatures } from './changed-files.js';
import type { DigestNotes } from './digest.js';
import { asFields, textIn } from './fields.js';

/** What the hook remembers of a session. */
export interface SessionNotes extends DigestNotes {
  /** The signatures of the changed files at the last call; `undefined` before the first one. */
  readonly files: Signatures | undefined;
  /** Files that the hook has reported as changed without a lease; it reports each only once. */
  readonly told: readonly string[];
  /** The signatures of the files that the run held at the last call. */
  readonly held: Signatures;
  /** Files whose edit was denied because another run held them. */
  readonly denied: readonly string[];
}

/** The most denied files that are remembered. */
const MAX_DENIED = 20;

const NONE: SessionNotes = { files: undefined, told: [], held: {}, denied: [], said: [], waits: [] };

/** @param text the stored notes, if there are any. Notes that cannot be parsed count as none. */
export function readNotes(text: string | undefined): SessionNotes {
  if (text === undefined) return NONE;
  try {
    const fields = asFields(JSON.parse(text));
    return {
      files: fields['files'] === undefined ? undefined : signaturesIn(fields['files']),
      told: textsIn(fields['told']),
      held: signaturesIn(fields['held']),
      denied: textsIn(fields['denied']),
      said: textsIn(fields['said']),
      waits: waitsIn(fields['waits']),
    };
  } catch {
    return NONE;
  }
}

export const notesText = (notes: SessionNotes): string => JSON.stringify(notes);

/** Remembers files whose edit was denied. */
export function withDenied(notes: SessionNotes, paths: readonly string[]): SessionNotes {
  return { ...notes, denied: [...new Set([...paths, ...notes.denied])].slice(0, MAX_DENIED) };
}

function signaturesIn(value: unknown): Signatures {
  const entries = Object.entries(asFields(value));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function textsIn(value: unknown): readonly string[] {
  const isList = Array.isArray(value) && value.every((text) => typeof text === 'string');
  return isList ? value : [];
}

function waitsIn(value: unknown): SessionNotes['waits'] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.flatMap((each) => {
    const record = textIn(asFields(each), ['record']);
    const wanted = textIn(asFields(each), ['wanted']);
    return record === undefined || wanted === undefined ? [] : [{ record, wanted }];
  });
}
