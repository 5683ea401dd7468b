import { readPattern, unescaped, type Reading } from './address-pattern.js';
import { MAX_ADDRESSES, spellingsIn } from './address-spellings.js';

/**
 * What an address names. `directory` is an address with a slash at its end. A directory without that slash is read as `file`, which makes
 * no difference: both cover everything below them.
 */
export type AddressKind = 'file' | 'symbol' | 'nested-symbol' | 'directory' | 'pattern';

/** A parsed address: `src/billing.py`, `src/billing.py::Invoice.render`, `src/`, `src/*.py`. */
export interface Address {
  /** The normal form: the same for all spellings of one address. */
  readonly text: string;
  readonly kind: AddressKind;
  /** The steps from the root: `/src`, `/billing.py`, `:Invoice`, `:render`. An address covers every address that begins with its steps. */
  readonly steps: readonly string[];
  /** The steps before the first one with a wildcard; all steps if there is none. */
  readonly fixedSteps: readonly string[];
  /**
   * The possible meanings of the text. The first is always the text itself, so that a file named `[id].tsx` is found. A text with wildcards
   * has more.
   */
  readonly readings: readonly Reading[];
}

/** Why a text is not an address, and what would be right. */
export interface AddressProblem {
  readonly problem: 'empty' | 'outside' | 'absolute' | 'no-file' | 'negated' | 'too-long';
  /** A sentence for a person. */
  readonly text: string;
}

/** Where an address was written. A relative spelling is resolved from there. */
export interface AddressContext {
  /** Absolute paths of the repository's root and its worktrees, with `/` between names. */
  readonly roots?: readonly string[];
  /** The working directory, relative to the root of the repository: `src/billing`. */
  readonly workingDirectory?: string;
  /** Whether a backslash always separates names, as it does on Windows. */
  readonly isWindows?: boolean;
}

export type ParsedAddress =
  { readonly ok: true; readonly address: Address } | { readonly ok: false; readonly problem: AddressProblem };

/** Longer texts are not a path on any system. */
export const MAX_ADDRESS_CHARACTERS = 8_192;

const SYMBOL = '::';
/** The first `::`, and further colons after it. */
const SYMBOL_MARK = /:{2,}/;
/** A backslash that separates names, as programs on Windows write it. A backslash before a wildcard makes the wildcard literal instead. */
const SEPARATING_BACKSLASH = /\\(?![*?[\]{}])/g;

/**
 * Reads one spelling of an address. Trims blanks, joins `//` and `/./`, resolves `..`, makes an absolute path below one of the roots
 * relative to that root, composes letters and accents (NFC), drops characters that are not visible and a `::` with nothing after it, and
 * takes off the quotes around it and the `file://` of a url.
 */
export function parseAddress(spelling: string, context: AddressContext = {}): ParsedAddress {
  const trimmed = pathIn(spelling.normalize('NFC').replace(INVISIBLE, '').trim());
  if (trimmed === '') return refuse('empty', 'the address is empty');
  if (trimmed.length > MAX_ADDRESS_CHARACTERS)
    return refuse('too-long', `the address has more than ${String(MAX_ADDRESS_CHARACTERS)} characters`);
  if (FROM_VARIABLE.test(slashed(trimmed, context)))
    return refuse('absolute', `${shown(trimmed)} is a path from a directory that only its writer knows`);
  const mark = SYMBOL_MARK.exec(trimmed);
  const written = mark ? trimmed.slice(0, mark.index) : trimmed;
  const path = resolvePath(slashed(written, context), context);
  if (!path.ok) return path;
  const symbol = mark ? symbolSteps(trimmed.slice(mark.index + mark[0].length)) : [];
  if (path.names.length === 0 && symbol.length > 0)
    return refuse('no-file', `${shown(trimmed)} names no file; write src/billing.py::compute_total`);
  return { ok: true, address: makeAddress(path.names, path.isDirectory && symbol.length === 0, symbol) };
}

export type ParsedQuery =
  | { readonly ok: true; readonly addresses: readonly Address[] }
  | { readonly ok: false; readonly problem: AddressProblem };

/** Characters without width, which come with a text that was copied from a page. */
const INVISIBLE = /[\0\u00ad\u200b\u200e\u200f\u2060\ufeff]/g;
/** What a shell or an editor would have replaced by an absolute path: `~/`, `$HOME/`, `${workspaceFolder}/`. */
const FROM_VARIABLE = /^(?:~|\$[A-Z_]+|\$\{\w+\}|%\w+%)\//;
const QUOTED = /^(["'`])(.+)\1$/s;
const FILE_URL = /^file:\/\/(?:localhost)?(?=\/)/i;

/** Takes off the quotes around a text, and the `file://` of a url. */
function pathIn(text: string): string {
  const inner = text.replace(QUOTED, '$2').trim();
  const path = inner.replace(FILE_URL, '');
  if (path === inner) return inner;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Reads what a person asks about: what a record would name by this text. A path that is not marked as relative (`./x`) may be relative to the
 * working directory or to the root. All readings are asked about, because the answer for one alone could be a wrong "free".
 * @returns the addresses, each once, or why a line is none.
 */
export function parseQuery(spelling: string, context: AddressContext = {}): ParsedQuery {
  const found = new Map<string, Address>();
  const spellings = spellingsIn(spelling);
  if (spellings.length > MAX_ADDRESSES)
    return refuse('too-long', `the text names more than ${String(MAX_ADDRESSES)} addresses`);
  for (const reading of spellings.length === 0 ? [spelling] : spellings) {
    const parsed = parseReading(reading, context);
    if (!parsed.ok) return parsed;
    for (const address of parsed.addresses) found.set(address.text, address);
  }
  return { ok: true, addresses: [...found.values()] };
}

function parseReading(spelling: string, context: AddressContext): ParsedQuery {
  const trimmed = pathIn(spelling.trim());
  if (trimmed.startsWith('!'))
    return refuse(
      'negated',
      `${shown(trimmed)} begins with !; write the addresses to ask about, not those to leave out`,
    );
  if (isAbsolute(slashed(trimmed, context)) && (context.roots ?? []).length === 0)
    return refuse('absolute', `${shown(trimmed)} is an absolute path; give the path from the root of the repository`);
  const here = parseAddress(spelling, context);
  const isMarked = /^\.\.?(?:[/\\]|$)/.test(trimmed) || isAbsolute(slashed(trimmed, context));
  if (isMarked || (context.workingDirectory ?? '') === '')
    return here.ok ? { ok: true, addresses: [here.address] } : here;
  const there = parseAddress(spelling, { ...context, workingDirectory: '' });
  const addresses = [here, there].flatMap((parsed) => (parsed.ok ? [parsed.address] : []));
  if (addresses.length === 0) return here.ok ? { ok: true, addresses } : here;
  return { ok: true, addresses };
}

/** Whether an address is an absolute path that was read without a root above it: it is about nothing in the repository. */
export const isAbsoluteAddress = ({ text }: Address): boolean => text.startsWith('/');

/** Returns the short name of a branch: `refs/heads/main` is `main`. Letters and accents are composed (NFC), as in addresses. */
export function normalBranch(branch: string): string {
  return branch
    .normalize('NFC')
    .trim()
    .replace(/^(?:refs\/)?heads\//, '');
}

function refuse(
  problem: AddressProblem['problem'],
  text: string,
): { readonly ok: false; readonly problem: AddressProblem } {
  return { ok: false, problem: { problem, text } };
}

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

const slashed = (path: string, { isWindows = false }: AddressContext): string =>
  path.replace(isWindows ? /\\/g : SEPARATING_BACKSLASH, '/');

const isAbsolute = (path: string): boolean => path.startsWith('/') || /^[A-Za-z]:\//.test(path);

type ResolvedPath =
  | { readonly ok: true; readonly names: readonly string[]; readonly isDirectory: boolean }
  | { readonly ok: false; readonly problem: AddressProblem };

function resolvePath(path: string, { roots = [], workingDirectory = '' }: AddressContext): ResolvedPath {
  const absolute = isAbsolute(path);
  const below = absolute ? belowRoots(path, roots) : undefined;
  // Without any known root, an absolute path stays absolute: no address in the repository is equal to it.
  if (absolute && below === undefined && roots.length > 0)
    return refuse('outside', `${shown(path)} is outside of the repository`);
  const base = absolute ? [] : namesOf(workingDirectory);
  const names: string[] = [...base];
  for (const name of namesOf(below ?? path)) {
    if (name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined) return refuse('outside', `${shown(path)} is outside of the repository`);
  }
  if (absolute && below === undefined) {
    if (names.length === 0) return refuse('outside', `${shown(path)} is outside of the repository`);
    names.unshift('');
  }
  return { ok: true, names, isDirectory: /(?:^|\/)\s*\.{0,2}\s*$/.test(path) };
}

/** Returns the part of an absolute path below the deepest root that contains it. */
function belowRoots(path: string, roots: readonly string[]): string | undefined {
  const wanted = `/${namesOf(path).join('/')}`;
  let found: string | undefined;
  for (const root of roots) {
    const prefix = `/${namesOf(root.normalize('NFC').replaceAll('\\', '/')).join('/')}`;
    const rest = wanted === prefix ? '' : wanted.startsWith(`${prefix}/`) ? wanted.slice(prefix.length + 1) : undefined;
    if (rest !== undefined && (found === undefined || rest.length < found.length)) found = rest;
  }
  return found;
}

/** Blanks around a name are typing errors. A colon at its end belongs to a drive, or to the `::` of a symbol. */
const namesOf = (path: string): string[] =>
  path
    .split('/')
    .map((name) => name.trim().replace(/[\s:]+$/, ''))
    .filter((name) => name !== '');

/** What joins the names of a symbol in some language: `A.f`, `A::f`, `A:f`, `A->f`, `A#f` (`A.#f` is a name of its own), `f/2`. */
const NAME_SEPARATOR = /:{2,}|:(?!\d)|\.|\/(?=\d)|->|(?<=[^\s:./>])#/;

/** Names nest: a class covers its methods. */
function symbolSteps(symbol: string): string[] {
  return withoutParameters(symbol)
    .split(NAME_SEPARATOR)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

const NAME_END = /[^\s@?+*!:./>#(<-]/;

/** The parameters of a function, and the arguments of a call or a type, are no part of its name; the brackets of a glob are. */
function withoutParameters(symbol: string): string {
  let name = '';
  let depth = 0;
  let before = '';
  for (const char of symbol) {
    const opens = (char === '(' || char === '<') && (depth > 0 || NAME_END.test(name.at(-1) ?? ''));
    const closes = char === ')' || (char === '>' && before !== '=' && before !== '-');
    if (opens) depth++;
    else if (depth === 0) name += char;
    else if (closes) depth--;
    before = char;
  }
  return name;
}

function makeAddress(names: readonly string[], isDirectory: boolean, symbol: readonly string[]): Address {
  const path = names.length === 0 ? '.' : names.join('/');
  const text = `${path}${isDirectory && names.length > 0 ? '/' : ''}${symbol.length > 0 ? SYMBOL + symbol.join('.') : ''}`;
  const steps = [...names.map((name) => `/${unescaped(name)}`), ...symbol.map((name) => `:${unescaped(name)}`)];
  const { readings, wildAt } = readPattern(names, symbol);
  // If the wildcards may be part of a name, the kind is that of a text without wildcards.
  const isPattern = readings.some(({ is }) => is === 'pattern');
  const kind = isPattern ? 'pattern' : kindOf(isDirectory || names.length === 0, symbol);
  return { text, kind, steps, fixedSteps: wildAt === undefined ? steps : steps.slice(0, wildAt), readings };
}

function kindOf(isDirectory: boolean, symbol: readonly string[]): AddressKind {
  if (symbol.length > 1) return 'nested-symbol';
  if (symbol.length === 1) return 'symbol';
  return isDirectory ? 'directory' : 'file';
}
