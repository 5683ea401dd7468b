/** Where a query is invalid, and why. */
export interface QueryError {
  readonly message: string;
  /** The index of the first wrong character. */
  readonly at: number;
}

export class QuerySyntaxError extends Error {
  override readonly name = 'QuerySyntaxError';
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/** A piece of a query between spaces. Spaces inside quotes or slashes do not separate. */
export interface Word {
  readonly at: number;
  readonly text: string;
}

/** A word's text, whether it is still open at its end, and where that opened. */
type Scanned = Word & { readonly openAt: number | undefined };

const SPACE = /\s/;
const REGEX = /[!-]?\/(?:\\.|[^/\\])+\/i?(?=\s|$)/y;

export function splitWords(text: string): Word[] {
  return scan(text).map(({ at, text }) => ({ at, text }));
}

/** Returns the words. @throws QuerySyntaxError if a quote is not closed. */
export function wholeWords(text: string): Word[] {
  const words = scan(text);
  const open = words.find(({ openAt }) => openAt !== undefined);
  if (open) throw new QuerySyntaxError('this quote is not closed', open.openAt!);
  return words;
}

function scan(text: string): Scanned[] {
  const words: Scanned[] = [];
  for (let at = 0; at < text.length; at++) {
    if (SPACE.test(text[at]!)) continue;
    const word = regexAt(text, at) ?? plainWordAt(text, at);
    words.push(word);
    at += word.text.length - 1;
  }
  return words;
}

function regexAt(text: string, at: number): Scanned | undefined {
  REGEX.lastIndex = at;
  const found = REGEX.exec(text);
  return found ? { at, text: found[0], openAt: undefined } : undefined;
}

function plainWordAt(text: string, at: number): Scanned {
  let openAt: number | undefined;
  let end = at;
  for (; end < text.length; end++) {
    const char = text[end]!;
    if (char === '\\' && openAt !== undefined) end++;
    else if (char === '"') openAt = openAt === undefined ? end : undefined;
    else if (openAt === undefined && SPACE.test(char)) break;
  }
  return { at, text: text.slice(at, end), openAt };
}

/** Splits a value at its commas outside quotes. `at`: the index in the query. Empty values are left out. */
export function splitValues(text: string, at: number): Word[] {
  const values: Word[] = [];
  let start = 0;
  let isQuoted = false;
  for (let end = 0; end <= text.length; end++) {
    if (text[end] === '\\' && isQuoted) end++;
    else if (text[end] === '"') isQuoted = !isQuoted;
    else if (end === text.length || (text[end] === ',' && !isQuoted)) {
      const value = unquote(text.slice(start, end));
      if (value !== '') values.push({ at: at + start, text: value });
      start = end + 1;
    }
  }
  return values;
}

/** Removes quotes. In quotes a backslash keeps a quote or a backslash after it. */
export const unquote = (value: string): string =>
  value.replace(/"((?:[^"\\]|\\[^])*)"?/g, (_quoted, inner: string) => inner.replace(/\\(["\\])/g, '$1'));
