import { EVENT_TYPES, KINDS, QUERY_FIELD_NAMES, QUERY_FIELDS, splitWords } from '../../../protocol/index.js';

/** Values that occur in the records, the most useful first. */
export interface Vocabulary {
  readonly runs: readonly string[];
  readonly branches: readonly string[];
  readonly addresses: readonly string[];
}

export interface Completion {
  /** The range of the text that a choice replaces. */
  readonly from: number;
  readonly to: number;
  readonly choices: readonly { readonly insert: string; readonly hint: string }[];
}

const MAX_CHOICES = 12;

/** Returns the possible completions at the caret. */
export function complete(text: string, caret: number, vocabulary: Vocabulary): Completion {
  const word = splitWords(text).find(({ at, text: own }) => at <= caret && caret <= at + own.length);
  const from = word?.at ?? caret;
  const typed = text.slice(from, caret);
  const sign = /^[!-]/.exec(typed)?.[0] ?? '';
  const body = typed.slice(sign.length);
  const to = word ? word.at + word.text.length : caret;
  const colon = body.indexOf(':');
  if (colon < 0) {
    const choices = QUERY_FIELD_NAMES.filter((field) => field.startsWith(body.toLowerCase())).map((field) => ({
      insert: `${sign}${field}:`,
      hint: QUERY_FIELDS[field].takes,
    }));
    return { from, to, choices };
  }
  const field = body.slice(0, colon);
  const values = body.slice(colon + 1).split(',');
  const last = values.pop()!.toLowerCase();
  const before = [...values, ''].join(',');
  const choices = valuesOf(field, vocabulary)
    .filter((value) => value.toLowerCase().includes(last) && value.toLowerCase() !== last)
    .sort((a, b) => Number(b.toLowerCase().startsWith(last)) - Number(a.toLowerCase().startsWith(last)))
    .slice(0, MAX_CHOICES)
    .map((value) => ({ insert: `${sign}${field}:${before}${quoteWhereNeeded(value)}`, hint: '' }));
  return { from, to, choices };
}

function valuesOf(field: string, { runs, branches, addresses }: Vocabulary): readonly string[] {
  switch (field) {
    case 'kind':
      return KINDS;
    case 'type':
      return EVENT_TYPES;
    case 'run':
      return runs;
    case 'branch':
      return branches;
    case 'addr':
      return addresses;
    case 'reason':
      return ['deleted', 'ttl'];
    default:
      return [];
  }
}

/** A value as it is written in a query, so that it is read back as it is. */
export const quoteWhereNeeded = (value: string): string =>
  /[\s,"]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
