/**
 * The wildcards of addresses. They are fewer than a filter's globs, and they also match names that begin with a dot, because they answer
 * whether two agents may meet, not which records to send. `*` is any text without a slash, `?` one character but a slash, `**` any text,
 * `[a-c]` and `{a,b}` a choice. No wildcard matches `::`. Any other glob syntax is read as matching more than it does, never less.
 */

/** One element of a pattern. `run`: any text; with `crosses`, slashes too. `skip`: the next `count` tokens may be left out. */
type Token =
  | { readonly is: 'char'; readonly char: string }
  | { readonly is: 'one' }
  | { readonly is: 'run'; readonly crosses: boolean }
  | { readonly is: 'class'; readonly ranges: readonly (readonly [string, string])[]; readonly isNegated: boolean }
  | { readonly is: 'skip'; readonly count: number };

/**
 * One meaning of an address. `text`: the text itself. `pattern`: its signs are wildcards. `perhaps`: its signs may be wildcards or part of
 * a name, as in `app/[id]/page.tsx` or `empty?`; two such texts meet only if they are equal.
 */
export type Reading = {
  /**
   * `symbols` if the last name has an extension, so it is probably a file. `src/a.py` could be a directory with a `b.ts` in it, but that is
   * no reason to report that it overlaps every pattern with `b.ts`.
   */
  readonly reach: 'symbols' | 'below';
} & (
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'pattern' | 'perhaps'; readonly tokens: readonly Token[] }
);

/** Replaces the `::` before a symbol, which occurs in a text once. */
const SYMBOL = '\0';
/** Represents all characters that no pattern names. */
const OTHER = '\uE000';
const MAX_ALTERNATIVES = 64;
const MAX_PATTERN_CHARACTERS = 512;
const MAX_WILDCARDS = 32;

const CHOICE = /[@?+*!]\([^()]*\|[^()]*\)/;
const WILDCARD = /[*?[{]|[@+!]\([^()]*\|/;
/** A text without any of these has one reading. */
const SIGN = /[*?[{(\\]/;

/** Reads the names of a path and a symbol. @returns the readings, and the index of the first step with a wildcard. */
export function readPattern(
  names: readonly string[],
  symbol: readonly string[],
): { readonly readings: readonly Reading[]; readonly wildAt: number | undefined } {
  const text = names.join('/') + (symbol.length > 0 ? SYMBOL + symbol.join('.') : '');
  const reach: Reading['reach'] =
    symbol.length > 0 || !/^.+\.[^.]*[^.*?]$/.test(names.at(-1) ?? '') ? 'below' : 'symbols';
  const itself: Reading = { is: 'text', text: unescaped(text), reach };
  const wildAt = SIGN.test(text)
    ? [...names, ...symbol].findIndex((name) => WILDCARD.test(name.replace(/\\./g, '')))
    : -1;
  if (wildAt < 0) return { readings: [itself], wildAt: undefined };
  const fixed = names.slice(0, wildAt).join('/');
  const alternatives = text.length <= MAX_PATTERN_CHARACTERS ? expandBraces(text) : undefined;
  const read = alternatives?.map((alternative) => tokensOf(alternative));
  const isBounded = read?.every((tokens) => tokens.filter(({ is }) => is !== 'char').length <= MAX_WILDCARDS) ?? false;
  const is: Reading['is'] =
    isBounded && alternatives?.length === 1 && isDoubtful(text, symbol.length > 0) ? 'perhaps' : 'pattern';
  // A pattern that is too expensive is read as everything below the fixed names that it begins with.
  const patterns = isBounded
    ? read!
    : [[...Array.from(unescaped(fixed), toChar), { is: 'run', crosses: true } as const]];
  const live = patterns.filter((tokens) => tokens.some((token) => token.is !== 'char') || patterns.length > 1);
  if (live.length === 0) return { readings: [itself], wildAt: undefined };
  return { readings: [itself, ...live.map((tokens) => ({ is, tokens, reach }))], wildAt };
}

const toChar = (char: string): Token => ({ is: 'char', char });

/** A text is taken apart when it is compared with a pattern: most addresses never are. */
const tokensIn = (reading: Reading): readonly Token[] =>
  reading.is === 'text' ? Array.from(reading.text, toChar) : reading.tokens;

export const unescaped = (text: string): string => (text.includes('\\') ? text.replace(/\\([*?[\]{}])/g, '$1') : text);

/** Whether all signs that look like wildcards may be part of a name: Next.js' `[slug]`, Ruby's `empty?`. */
function isDoubtful(text: string, hasSymbol: boolean): boolean {
  const plain = text.replace(/\\./g, '');
  if (plain.includes('*') || CHOICE.test(plain)) return false;
  if (plain.replace(hasSymbol ? /\?$/ : /$^/, '').includes('?')) return false;
  return ![...plain.matchAll(/\[([^\]/]*)\]/g)].some(([, inner = '']) => /^(?:[!^].+|(?:.-.)+)$/.test(inner));
}

/** @returns `undefined` if there are more than {@link MAX_ALTERNATIVES}. */
function expandBraces(text: string): string[] | undefined {
  const done: string[] = [];
  const left = [text];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const group = firstGroup(next);
    if (group === undefined) done.push(next);
    else for (const part of group.parts) left.push(next.slice(0, group.start) + part + next.slice(group.end));
    if (done.length + left.length > MAX_ALTERNATIVES) return undefined;
  }
  return done;
}

/** Returns the first `{a,b}` that is closed and has a comma outside inner braces. */
function firstGroup(
  text: string,
): { readonly start: number; readonly end: number; readonly parts: string[] } | undefined {
  for (let start = nextBrace(text, 0); start >= 0; start = nextBrace(text, start + 1)) {
    const commas: number[] = [];
    let depth = 0;
    for (let at = start; at < text.length; at++) {
      const char = text[at];
      if (char === '\\') at++;
      else if (char === '{') depth++;
      else if (char === ',' && depth === 1) commas.push(at);
      else if (char === '}' && --depth === 0) {
        if (commas.length === 0) break;
        const cuts = [start, ...commas, at];
        return { start, end: at + 1, parts: cuts.slice(1).map((cut, i) => text.slice(cuts[i]! + 1, cut)) };
      }
    }
  }
  return undefined;
}

function nextBrace(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '{') return at;
  }
  return -1;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const chars = Array.from(text);
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!;
    const rest = chars.slice(at, at + MAX_PATTERN_CHARACTERS).join('');
    const choice = CHOICE.exec(rest);
    if (choice?.index === 0) {
      tokens.push({ is: 'run', crosses: true });
      at += Array.from(choice[0]).length - 1;
    } else if (char === '*') {
      const stars = /^\*+/.exec(rest)![0].length;
      const isWholeName = (at === 0 || chars[at - 1] === '/') && chars[at + stars] === '/';
      at += stars - 1;
      if (stars === 1) tokens.push({ is: 'run', crosses: false });
      else if (!isWholeName) tokens.push({ is: 'run', crosses: true });
      else {
        // `a/**/b` matches `a/b` too.
        tokens.push({ is: 'skip', count: 2 }, { is: 'run', crosses: true }, toChar('/'));
        at++;
      }
    } else if (char === '?') tokens.push({ is: 'one' });
    else if (char === '[') {
      const read = readClass(rest);
      tokens.push(read?.token ?? toChar(char));
      at += (read?.length ?? 1) - 1;
    } else if (char === '\\' && at + 1 < chars.length) tokens.push(toChar(chars[++at]!));
    else tokens.push(toChar(char));
  }
  return tokens;
}

function readClass(text: string): { readonly token: Token; readonly length: number } | undefined {
  const match = /^\[([!^]?)([^\]/]+)\]/u.exec(text);
  if (!match) return undefined;
  const ranges: (readonly [string, string])[] = [];
  const chars = Array.from(match[2]!);
  for (let at = 0; at < chars.length; at++) {
    const [from, dash, to] = [chars[at]!, chars[at + 1], chars[at + 2]];
    if (dash === '-' && to !== undefined && from <= to) {
      ranges.push([from, to]);
      at += 2;
    } else ranges.push([from, from]);
  }
  return { token: { is: 'class', ranges, isNegated: match[1] !== '' }, length: Array.from(match[0]).length };
}

/**
 * The characters that a step accepts: `only` that one if it is set, else every character for which `has` is true. `candidates` are
 * characters to try.
 */
interface Step {
  readonly only?: string;
  readonly has: (char: string) => boolean;
  readonly candidates: readonly string[];
  readonly next: number;
}

/** What a reading covers: only what it matches, the symbols in that too, or everything below. */
export type Reach = 'itself' | 'symbols' | 'below';

/** Two texts with a larger product are not compared but assumed to meet. At worst this blocks more than necessary. */
const MAX_PRODUCT = 65_536;

/** Whether there is a text that both readings reach. Searches the product of the two. */
export function meets(one: Reading, aReach: Reach, other: Reading, bReach: Reach): boolean {
  const [a, b] = [tokensIn(one), tokensIn(other)];
  if (a.length * b.length > MAX_PRODUCT) return true;
  const width = b.length + 2;
  const seen = new Uint8Array((a.length + 2) * width * 2);
  const left: [number, number, 0 | 1][] = [];
  const visit = (i: number, j: number, inSymbol: 0 | 1): void => {
    const state = (i * width + j) * 2 + inSymbol;
    if (seen[state] === 1) return;
    seen[state] = 1;
    left.push([i, j, inSymbol]);
  };
  visit(0, 0, 0);
  for (let state = left.pop(); state !== undefined; state = left.pop()) {
    const [i, j, inSymbol] = state;
    if (i >= a.length && j >= b.length) return true;
    for (const over of passedOver(a, i)) visit(over, j, inSymbol);
    for (const over of passedOver(b, j)) visit(i, over, inSymbol);
    const first = stepFrom(a, i, aReach, inSymbol);
    const second = stepFrom(b, j, bReach, inSymbol);
    if (first === undefined || second === undefined) continue;
    for (const char of commonChars(first, second)) visit(first.next, second.next, char === SYMBOL ? 1 : inSymbol);
  }
  return false;
}

/** Returns the positions after a token that matches nothing. */
function passedOver(tokens: readonly Token[], at: number): readonly number[] {
  const token = tokens[at];
  if (token?.is === 'run') return [at + 1];
  if (token?.is === 'skip') return [at + 1, at + 1 + token.count];
  return [];
}

function stepFrom(tokens: readonly Token[], at: number, reach: Reach, inSymbol: 0 | 1): Step | undefined {
  const inText = (char: string): boolean => char !== SYMBOL || inSymbol === 0;
  if (at > tokens.length) return { has: inText, candidates: ['/', SYMBOL, '.', OTHER], next: at };
  const token = tokens[at];
  if (token === undefined) {
    if (reach === 'itself') return undefined;
    // Accept what lies below: in the directory or file, or nested in the symbol. Everything lies below the root.
    const inFile = reach === 'symbols' ? [SYMBOL] : ['/', SYMBOL];
    const edges = tokens.length === 0 ? ['/', SYMBOL, '.', OTHER] : inSymbol === 1 ? ['.'] : inFile;
    const has = (char: string): boolean => (tokens.length === 0 ? inText(char) : edges.includes(char));
    return { has, candidates: edges, next: at + 1 };
  }
  switch (token.is) {
    case 'char':
      return { only: token.char, has: (char) => char === token.char, candidates: [token.char], next: at + 1 };
    case 'one':
      return { has: (char) => char !== '/' && char !== SYMBOL, candidates: ['.', OTHER], next: at + 1 };
    case 'run':
      return {
        has: (char) => char !== SYMBOL && (token.crosses || char !== '/'),
        candidates: ['/', '.', OTHER],
        next: at,
      };
    case 'class': {
      const among = (char: string): boolean => token.ranges.some(([from, to]) => from <= char && char <= to);
      const has = (char: string): boolean =>
        char !== '/' && char !== SYMBOL && (token.isNegated ? !among(char) : among(char));
      // `[b-d]` and `[!bd]` have only `c` in common: what begins behind a range that is left out, or ends before it.
      const ends = token.ranges.flatMap(([from, to]) =>
        token.isNegated ? [besides(from, -1), besides(to, 1)] : [from, to],
      );
      return { has, candidates: ['.', OTHER, ...ends], next: at + 1 };
    }
    case 'skip':
      return undefined;
  }
}

const MAX_CODE_POINT = 0x10_ffff;

/** Returns the character that is so many places away; the nearest one if there is none. */
const besides = (char: string, places: number): string =>
  String.fromCodePoint(Math.min(MAX_CODE_POINT, Math.max(0, char.codePointAt(0)! + places)));

function commonChars(a: Step, b: Step): readonly string[] {
  const candidates =
    a.only !== undefined ? [a.only] : b.only !== undefined ? [b.only] : [...a.candidates, ...b.candidates];
  return candidates.filter((char) => a.has(char) && b.has(char));
}
