import type { UnitClass } from './glob-text.js';

/** The parts of a glob's regular expression: the part of the language that can be matched in linear time. */
export type GlobNode =
  /** One character (a UTF-16 code unit). */
  | { readonly is: 'unit'; readonly has: UnitClass }
  | { readonly is: 'all'; readonly parts: readonly GlobNode[] }
  | { readonly is: 'any'; readonly parts: readonly GlobNode[] }
  /** A repetition of a part that is one character wide, at least `least` (0 or 1) times. */
  | { readonly is: 'repeat'; readonly part: GlobNode; readonly least: 0 | 1 }
  | { readonly is: 'optional'; readonly part: GlobNode }
  | { readonly is: 'ahead'; readonly part: GlobNode; readonly wanted: boolean }
  | { readonly is: 'start' }
  | { readonly is: 'end' };

/** The error for a glob that cannot be matched in linear time. The message names the part. */
export class GlobError extends Error {
  override readonly name = 'GlobError';
}

/** The limit exists because matching passes over the text once for each node. */
const MAX_NODES = 1_000;
const MAX_DEPTH = 32;

const ESCAPED_CLASSES: Readonly<Record<string, RegExp>> = { d: /\d/, D: /\D/, w: /\w/, W: /\W/, s: /\s/, S: /\S/ };
const COUNT = /^\{\d+(,\d*)?\}/;
const LINE_ENDS: ReadonlySet<number> = new Set([0x0a, 0x0d, 0x2028, 0x2029]);

/**
 * Reads the source of a regular expression that picomatch wrote.
 * @throws GlobError for parts that need backtracking: repeated groups, back references, a look behind.
 */
export function readGlobTree(source: string): GlobNode {
  const reader = new Reader(source);
  const tree = reader.alternatives(0);
  if (!reader.atEnd) throw new GlobError('an unmatched parenthesis');
  return tree;
}

/** Returns the number of characters that a node always takes; `undefined` if the number varies. */
function widthOf(node: GlobNode): number | undefined {
  switch (node.is) {
    case 'unit':
      return 1;
    case 'start':
    case 'end':
    case 'ahead':
      return 0;
    case 'repeat':
    case 'optional':
      return undefined;
    case 'all':
      return node.parts.reduce<number | undefined>((sum, part) => plus(sum, widthOf(part)), 0);
    case 'any': {
      const widths = new Set(node.parts.map(widthOf));
      return widths.size === 1 ? [...widths][0] : undefined;
    }
  }
}

const plus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b;

class Reader {
  #at = 0;
  #nodes = 0;

  constructor(private readonly source: string) {}

  get atEnd(): boolean {
    return this.#at === this.source.length;
  }

  alternatives(depth: number): GlobNode {
    if (depth > MAX_DEPTH) throw new GlobError(`groups nested deeper than ${String(MAX_DEPTH)}`);
    const parts = [this.#sequence(depth)];
    while (this.#take('|')) parts.push(this.#sequence(depth));
    return parts.length === 1 ? parts[0]! : anyOf(parts);
  }

  #sequence(depth: number): GlobNode {
    const parts: GlobNode[] = [];
    while (!this.atEnd && this.source[this.#at] !== '|' && this.source[this.#at] !== ')') {
      parts.push(this.#quantified(this.#atom(depth)));
    }
    return parts.length === 1 ? parts[0]! : { is: 'all', parts };
  }

  #quantified(part: GlobNode): GlobNode {
    if (++this.#nodes > MAX_NODES) throw new GlobError('more than can be matched quickly');
    if (this.#take('{0,1}')) return { is: 'optional', part };
    if (this.source[this.#at] === '{' && COUNT.test(this.source.slice(this.#at)))
      throw new GlobError('a counted repetition');
    const sign = this.source[this.#at];
    if (sign !== '*' && sign !== '+' && sign !== '?') return part;
    this.#at++;
    // Greedy and lazy repetitions match the same texts.
    this.#take('?');
    if (sign === '?') return { is: 'optional', part };
    if (widthOf(part) !== 1) throw new GlobError('a repeated group; only single characters can be repeated');
    return { is: 'repeat', part, least: sign === '+' ? 1 : 0 };
  }

  #atom(depth: number): GlobNode {
    const character = this.source[this.#at++]!;
    switch (character) {
      case '^':
        return { is: 'start' };
      case '$':
        return { is: 'end' };
      case '.':
        return anyButLineEnd();
      case '(':
        return this.#group(depth);
      case '[':
        return this.#class();
      case '\\':
        return this.#escaped();
      case '*':
      case '+':
      case '?':
        throw new GlobError('a repetition of nothing');
      default:
        return literal(character);
    }
  }

  #group(depth: number): GlobNode {
    const kind = ['?:', '?=', '?!'].find((mark) => this.#take(mark));
    if (kind === undefined && this.source[this.#at] === '?') throw new GlobError('a look behind or a named group');
    const part = this.alternatives(depth + 1);
    if (!this.#take(')')) throw new GlobError('an unmatched parenthesis');
    return kind === '?=' || kind === '?!' ? { is: 'ahead', part, wanted: kind === '?=' } : part;
  }

  #class(): GlobNode {
    const from = this.#at - 1;
    while (!this.atEnd && this.source[this.#at] !== ']') this.#at += this.source[this.#at] === '\\' ? 2 : 1;
    if (!this.#take(']')) throw new GlobError('an unmatched bracket');
    return unitsOf(new RegExp(this.source.slice(from, this.#at)));
  }

  #escaped(): GlobNode {
    const character = this.source[this.#at++] ?? '';
    const named = ESCAPED_CLASSES[character];
    if (named) return unitsOf(named);
    // Any other letter stands for itself.
    if (/[0-9bBcfknrtuvx]/.test(character) || character === '') throw new GlobError(`the escape \\${character}`);
    return literal(character);
  }

  #take(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

/** Returns the number of nodes of a tree. Each is one pass over the text. */
export function sizeOfTree(node: GlobNode): number {
  switch (node.is) {
    case 'all':
    case 'any':
      return node.parts.reduce((sum, part) => sum + sizeOfTree(part), 1);
    case 'repeat':
    case 'optional':
    case 'ahead':
      return 1 + sizeOfTree(node.part);
    case 'unit':
    case 'start':
    case 'end':
      return 1;
  }
}

/** Alternatives that are all single characters become one class. */
function anyOf(parts: readonly GlobNode[]): GlobNode {
  const units = parts.filter((part) => part.is === 'unit');
  return units.length === parts.length
    ? { is: 'unit', has: (unit) => units.some(({ has }) => has(unit)) }
    : { is: 'any', parts };
}

/** Units by their source. The same class is the same function in every glob, so a text is searched for it once. */
const units = new Map<string, GlobNode>();
const MAX_UNITS = 4_096;

function unitCalled(name: string, make: () => UnitClass): GlobNode {
  let unit = units.get(name);
  if (!unit) {
    if (units.size >= MAX_UNITS) units.clear();
    units.set(name, (unit = { is: 'unit', has: make() }));
  }
  return unit;
}

const literal = (character: string): GlobNode =>
  unitCalled(character, () => {
    const expected = character.charCodeAt(0);
    return (unit) => unit === expected;
  });

const anyButLineEnd = (): GlobNode => unitCalled('any', () => (unit) => !LINE_ENDS.has(unit));

const unitsOf = (pattern: RegExp): GlobNode => unitCalled(`/${pattern.source}`, () => tabled(pattern));

/** Returns a class of characters, with a lookup table for ASCII. */
function tabled(pattern: RegExp): UnitClass {
  const has: UnitClass = (unit) => pattern.test(String.fromCharCode(unit));
  const table = Array.from({ length: 128 }, (_, unit) => has(unit));
  return (unit) => table[unit] ?? has(unit);
}
