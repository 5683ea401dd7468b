import picomatch from 'picomatch';
import { readGlobTree, type GlobNode } from './glob-tree.js';
import { readPlainGlob } from './plain-glob.js';

/** Longer addresses are compared as text only: a glob's cost grows with the text it reads. */
export const MAX_GLOBBED_LENGTH = 1_024;

/** Where the engine's backtracking could take more steps than this, the linear matcher is used. */
const MAX_BACKTRACKING_STEPS = 300_000;

/** Whether picomatch reads the text as more than the text itself. */
export function isGlob(address: string): boolean {
  return picomatch.scan(address).isGlob;
}

/**
 * A glob as picomatch reads it, in time that no pattern and no text can blow up: the regular expression that picomatch
 * writes is run by the engine where even its worst case is short, and otherwise by `matchesLinearly`.
 * @throws GlobError for a pattern whose worst case cannot be bounded, such as a repeated group `+(ab)`.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const plain = readPlainGlob(pattern);
  if (plain) return (text) => text === pattern || (text.length <= MAX_GLOBBED_LENGTH && plain(text));
  const expression = picomatch.makeRe(pattern, { windows: false });
  const tree = readGlobTree(expression.source);
  const longest = longestForEngine(costOf(tree));
  return (text) => {
    if (text === pattern) return true;
    if (text === '' || text.length > MAX_GLOBBED_LENGTH) return false;
    return text.length <= longest ? expression.test(text) : matchesLinearly(tree, text);
  };
}

/** The longest text that the engine may be given, -1 where it is none: found once, because every match asks for it. */
function longestForEngine(cost: Cost): number {
  let low = -1;
  let high = MAX_GLOBBED_LENGTH;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (worstSteps(middle, cost) <= MAX_BACKTRACKING_STEPS) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How often an expression may have to try again, for a text of this length: roughly, and never too few. */
function worstSteps(length: number, { repeats, branches }: Cost): number {
  let steps = branches;
  for (let i = 1; i <= repeats; i++) steps *= (length + i) / i;
  return steps;
}

/** What multiplies the ways in which an expression can be tried: its repetitions, and its choices taken together. */
interface Cost {
  readonly repeats: number;
  readonly branches: number;
}

function costOf(node: GlobNode): Cost {
  switch (node.is) {
    case 'all':
      return combine(node.parts, (a, b) => a * b);
    case 'any':
      return combine(node.parts, (a, b) => a + b);
    case 'repeat':
      return { ...costOf(node.part), repeats: 1 + costOf(node.part).repeats };
    case 'optional':
      return { ...costOf(node.part), branches: 1 + costOf(node.part).branches };
    case 'ahead': {
      // Looking ahead at a few characters is one step more, however they may be chosen.
      const { repeats, branches } = costOf(node.part);
      return { repeats, branches: repeats === 0 ? 1 : branches };
    }
    case 'unit':
      return { repeats: 0, branches: node.choices };
    case 'start':
    case 'end':
      return { repeats: 0, branches: 1 };
  }
}

function combine(parts: readonly GlobNode[], join: (a: number, b: number) => number): Cost {
  const costs = parts.map(costOf);
  return {
    repeats: costs.reduce((sum, { repeats }) => sum + repeats, 0),
    branches: costs.map(({ branches }) => branches).reduce(join, 1),
  };
}

/** Positions in a text, 0…length, as a byte each. */
type Positions = Uint8Array;

/** Whether a tree matches a text from its start: one pass over the text for each node, from the last to the first. */
export function matchesLinearly(tree: GlobNode, text: string): boolean {
  const units = Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return from(tree, everywhere(text.length), units)[0] === 1;
}

const everywhere = (length: number): Positions => new Uint8Array(length + 1).fill(1);

/** @returns the positions from which `node` matches up to one of `goals`. */
function from(node: GlobNode, goals: Positions, text: Uint16Array): Positions {
  switch (node.is) {
    case 'all':
      return node.parts.reduceRight((reached, part) => from(part, reached, text), goals);
    case 'any':
      return node.parts.map((part) => from(part, goals, text)).reduce(union);
    case 'optional':
      return union(from(node.part, goals, text), goals);
    case 'repeat':
      return repeated(node.part, node.least, goals, text);
    case 'ahead':
      return looked(from(node.part, everywhere(text.length), text), node.wanted, goals);
    case 'unit':
      return stepped(node.has, goals, text);
    case 'start':
      return only(0, goals);
    case 'end':
      return only(text.length, goals);
  }
}

function stepped(has: (unit: number) => boolean, goals: Positions, text: Uint16Array): Positions {
  const reached = new Uint8Array(goals.length);
  for (let i = 0; i < text.length; i++) if (goals[i + 1] === 1 && has(text[i]!)) reached[i] = 1;
  return reached;
}

/** A part one character wide matches at a position or does not, whatever follows: one step back for each position. */
function repeated(part: GlobNode, least: 0 | 1, goals: Positions, text: Uint16Array): Positions {
  const matches = from(part, everywhere(text.length), text);
  const reached = new Uint8Array(goals.length);
  for (let i = text.length; i >= 0; i--) {
    const further = matches[i] === 1 && (reached[i + 1] === 1 || goals[i + 1] === 1);
    reached[i] = further || (least === 0 && goals[i] === 1) ? 1 : 0;
  }
  return reached;
}

function looked(seen: Positions, wanted: boolean, goals: Positions): Positions {
  const reached = new Uint8Array(goals.length);
  for (let i = 0; i < goals.length; i++) if (goals[i] === 1 && (seen[i] === 1) === wanted) reached[i] = 1;
  return reached;
}

function only(position: number, goals: Positions): Positions {
  const reached = new Uint8Array(goals.length);
  reached[position] = goals[position]!;
  return reached;
}

function union(a: Positions, b: Positions): Positions {
  const both = new Uint8Array(a.length);
  for (let i = 0; i < a.length; i++) both[i] = a[i]! | b[i]!;
  return both;
}
