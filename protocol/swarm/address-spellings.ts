/** The most addresses that are read from a field. One file must not make an index grow without bound. */
export const MAX_ADDRESSES = 10_000;

/** What nearly every address looks like. It has one reading, and each event's addresses are read. */
const PLAIN = /^[\w./-]+(?:::[\w.]+)?$/;
const LINE_END = /[\n\v\f\r\u0085\u2028\u2029]+/;
const LIST_SEPARATOR = /[,;]/;
/** The mark before an entry of a list, with its check box, and the `@` before a file that an agent mentions. */
const ENTRY_MARK = /^(?:(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?)?(?:@(?=[\w./]))?/;
/** A name with an extension, perhaps with a position, a symbol or a quote after it. */
const FILE_NAME = /(?:^|[^.])\.[A-Za-z]\w*(?:[:#)"'`].*)?$/s;
/** A line, or several, with columns, after a name: from compilers and `grep -n` (`a.py:12:3`, `a.py(12,3)`), agents (`a.py:12-20`), code hosts (`a.py#L12-L20`). */
const POSITION =
  /(?<=[^:])(?::\d+){1,2}(?:-\d+(?::\d+)?)?$|(?<=.)(?:#L\d+(?:C\d+)?(?:-L?\d+(?:C\d+)?)?|\(\d+(?:,\s?\d+)?\))$/;
/** What some tools write for the `::` before a symbol: `a.py:f`, `a.rb#f`. */
const SYMBOL_MARK = /(\.[A-Za-z]\w{0,15})[:#](?=[^\s\d:#/])/;

/**
 * Returns the addresses that a text may name, in a record or in a question: one a line, or separated by commas or blanks. `a.py:12` may be a
 * line of `a.py`, or a file of that name, and `a.py, b.py` two files or one. All readings count, because one alone could be a wrong "free".
 * If there are more than {@link MAX_ADDRESSES}, it returns more than these, but not all.
 */
export function spellingsIn(text: string): readonly string[] {
  if (PLAIN.test(text)) return [text];
  const lines = LINE_END.test(text) ? text.split(LINE_END).filter((line) => line.trim() !== '') : [text];
  const parts = bounded(lines).flatMap((line) => [line, ...partsOf(line)]);
  const readings = bounded(parts).flatMap((part) => [part, ...wordsOf(part)]);
  return bounded(readings).flatMap((reading) => [reading, ...plainest(reading)]);
}

/** Keeps so many that it shows if there are too many. */
const bounded = (texts: readonly string[]): readonly string[] => texts.slice(0, MAX_ADDRESSES + 1);

/** Returns the entries of a list in a line. */
function partsOf(line: string): readonly string[] {
  const parts = LIST_SEPARATOR.test(line) ? splitList(line) : [line];
  const unmarked = bounded(parts).map((part) => part.trim().replace(ENTRY_MARK, ''));
  return unmarked.filter((part) => part !== '' && part !== line.trim());
}

/** Splits at separators outside of brackets, which belong to a glob or to parameters; at all of them if a bracket is not closed. */
function splitList(line: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    else if (depth === 0 && (char === ',' || char === ';')) {
      parts.push(line.slice(from, at));
      from = at + 1;
    }
  }
  return depth === 0 ? [...parts, line.slice(from)] : line.split(LIST_SEPARATOR);
}

/** Returns the words that name files, if the first one does: `src/a.py => src/b.py`, `src/a.py line 12`, but not `My App/a.py`. */
function wordsOf(part: string): readonly string[] {
  const [first = '', ...others] = part.trim().split(/\s+/);
  return others.length > 0 && namesFile(first) ? [first, ...others.filter((word) => namesFile(word))] : [];
}

const namesFile = (word: string): boolean =>
  word.includes('::') || FILE_NAME.test(word.slice(word.lastIndexOf('/') + 1));

/** Returns a spelling without the position at its end, or with the usual mark before its symbol, if it has another. */
function plainest(spelling: string): readonly string[] {
  const trimmed = spelling.trim();
  const place = trimmed.replace(POSITION, '');
  const plain = place === trimmed && !trimmed.includes('::') ? trimmed.replace(SYMBOL_MARK, '$1::') : place;
  return plain === trimmed ? [] : [plain];
}
