import type { GlobNode } from './glob-tree.js';
import type { GlobText, Positions } from './glob-text.js';

/**
 * Whether a tree matches one of the texts, whole or as its own anchors say: one pass over all positions for each node, from the last
 * node to the first, so that no pattern and no text costs more than nodes × positions. Most end early, with no position left.
 */
export function matchesSome(tree: GlobNode, text: GlobText): boolean {
  const positions = text.borrow(text.all);
  const isReached = back(tree, positions, text) && intersect(positions, text.starts);
  text.giveBack(positions);
  return isReached;
}

/**
 * Turns a set of positions that are to be reached, in place, into those from which a node reaches them.
 * @returns whether there are any.
 */
function back(node: GlobNode, positions: Positions, text: GlobText): boolean {
  switch (node.is) {
    case 'unit':
      return step(positions, text.followedBy(node.has));
    case 'all':
      for (let i = node.parts.length - 1; i >= 0; i--) if (!back(node.parts[i]!, positions, text)) return false;
      return true;
    case 'any':
      return someOf(node.parts, positions, text);
    case 'optional': {
      const without = text.borrow(positions);
      // A part that reaches nothing may have stopped before the end.
      if (!back(node.part, positions, text)) positions.fill(0);
      unite(positions, without);
      text.giveBack(without);
      return true;
    }
    case 'repeat': {
      const run = wherever(node.part, text);
      const isReached = repeat(positions, run, node.least);
      if (node.part.is !== 'unit') text.giveBack(run);
      return isReached;
    }
    case 'ahead': {
      const seen = wherever(node.part, text);
      const isReached = node.wanted ? intersect(positions, seen) : subtract(positions, seen);
      if (node.part.is !== 'unit') text.giveBack(seen);
      return isReached;
    }
    case 'start':
      return intersect(positions, text.starts);
    case 'end':
      return intersect(positions, text.ends);
  }
}

function someOf(parts: readonly GlobNode[], positions: Positions, text: GlobText): boolean {
  const goals = text.borrow(positions);
  positions.fill(0);
  let isReached = false;
  for (const part of parts) {
    const reached = text.borrow(goals);
    if (back(part, reached, text)) {
      unite(positions, reached);
      isReached = true;
    }
    text.giveBack(reached);
  }
  text.giveBack(goals);
  return isReached;
}

/** The positions from which a node matches, whatever follows; to be given back where the node is no unit. */
function wherever(node: GlobNode, text: GlobText): Positions {
  if (node.is === 'unit') return text.followedBy(node.has);
  const positions = text.borrow(text.all);
  if (!back(node, positions, text)) positions.fill(0);
  return positions;
}

function step(positions: Positions, followed: Positions): boolean {
  let carried = 0;
  let any = 0;
  for (let w = 0; w < positions.length; w++) {
    const word = positions[w]!;
    any |= positions[w] = ((word << 1) | carried) & followed[w]!;
    carried = word >>> 31;
  }
  return any !== 0;
}

/**
 * Over runs of characters: what one character reaches is added to the run, and the carry turns over every bit of the run that is
 * beyond it.
 */
function repeat(positions: Positions, run: Positions, least: 0 | 1): boolean {
  let shifted = 0;
  let carried = 0;
  let any = 0;
  for (let w = 0; w < positions.length; w++) {
    const goals = positions[w]!;
    const along = run[w]!;
    const first = (((goals << 1) | shifted) & along) >>> 0;
    shifted = goals >>> 31;
    const sum = along + first + carried;
    carried = sum > 0xffff_ffff ? 1 : 0;
    const reached = ((sum ^ along) | first) & along;
    any |= positions[w] = least === 0 ? reached | goals : reached;
  }
  return any !== 0;
}

function unite(positions: Positions, others: Positions): void {
  for (let w = 0; w < positions.length; w++) positions[w]! |= others[w]!;
}

function intersect(positions: Positions, others: Positions): boolean {
  let any = 0;
  for (let w = 0; w < positions.length; w++) any |= positions[w]! &= others[w]!;
  return any !== 0;
}

function subtract(positions: Positions, others: Positions): boolean {
  let any = 0;
  for (let w = 0; w < positions.length; w++) any |= positions[w]! &= ~others[w]!;
  return any !== 0;
}
