import picomatch from 'picomatch';
import { patternOf, sourceOf } from './glob-form.js';
import { matchesSome } from './glob-match.js';
import { GlobText } from './glob-text.js';
import { readGlobTree, sizeOfTree, type GlobNode } from './glob-tree.js';
import { readPlainGlob } from './plain-glob.js';

/** Longer addresses are compared as text only, because the cost of a glob grows with the text. */
export const MAX_GLOBBED_LENGTH = 1_024;

/** This many globs are kept compiled: to compile one takes a hundred times as long as to match with it. */
const MAX_COMPILED = 2_048;

/**
 * A glob with picomatch's meaning, matched in bounded time for every pattern and text. `plain`: one of the two most common shapes, matched
 * by comparing text; it matches its own text. `tree`: the regular expression that picomatch makes, matched in linear time.
 */
export type Glob =
  | { readonly is: 'plain'; readonly matches: (text: string) => boolean; readonly cost: 1 }
  | { readonly is: 'tree'; readonly tree: GlobNode; readonly cost: number };

/** The globs used last, the oldest first. */
const compiled = new Map<string, Glob>();

/**
 * Compiles a glob, or returns the compiled one if it was used recently. `cost`: the steps that matching takes for every 32 characters of
 * addresses.
 * @throws GlobError for a pattern that cannot be matched in linear time, such as a repeated group `+(ab)`.
 */
export function readGlob(pattern: string): Glob {
  const known = compiled.get(pattern);
  const glob = known ?? compile(pattern);
  compiled.delete(pattern);
  compiled.set(pattern, glob);
  if (compiled.size > MAX_COMPILED) compiled.delete(compiled.keys().next().value!);
  return glob;
}

function compile(pattern: string): Glob {
  const plain = readPlainGlob(pattern);
  if (plain) return { is: 'plain', matches: (text) => text.length <= MAX_GLOBBED_LENGTH && plain(text), cost: 1 };
  const tree = readGlobTree(sourceOf(picomatch.makeRe(patternOf(pattern), { windows: false })));
  return { is: 'tree', tree, cost: sizeOfTree(tree) };
}

/** Returns a function that matches one text at a time with one glob. @throws GlobError */
export function compileGlob(pattern: string): (text: string) => boolean {
  const glob = readGlob(pattern);
  if (glob.is === 'plain') return glob.matches;
  return (text) => text === pattern || (isGlobbed(text) && matchesSome(glob.tree, new GlobText([text])));
}

const isGlobbed = ({ length }: string): boolean => length > 0 && length <= MAX_GLOBBED_LENGTH;

/** The addresses of the records matched last, laid out. All filters are matched with the same record in turn. */
const laidOut: { readonly addresses: readonly string[]; readonly text: GlobText }[] = [];
/** Room for a record before a change and after it. */
const MAX_LAID_OUT = 2;

/** Returns a record's addresses in the layout that globs of the kind `tree` match with. */
export function globTextOf(addresses: readonly string[]): GlobText {
  for (const entry of laidOut) if (entry.addresses === addresses) return entry.text;
  const text = new GlobText(addresses.filter(isGlobbed));
  laidOut.unshift({ addresses, text });
  if (laidOut.length > MAX_LAID_OUT) laidOut.pop();
  return text;
}
