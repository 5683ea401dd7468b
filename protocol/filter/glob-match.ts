import type { GlobNode } from './glob-tree.js';
import type { GlobText, Positions } from './glob-text.js';

/**
 * Whether a tree matches one of the texts, whole or as the tree's own anchors say. The matcher passes over all positions once for each
 * node, from the last node to the first. So no pattern and no text costs more than nodes × positions. Most matches end early, when no
 * position is left.
 */
export function matchesSome(tree: GlobNode, text: GlobText): boolean {
  const positions = text.borrow(text.all);
  const isReached = moveBack(tree, positions, text) && intersect(positions, text.starts);
  text.giveBack(positions);
  return isReached;
}

/**
 * Takes the set of positions that must be reached, and replaces it by the positions from which the node reaches one of them.
 * @returns whether the new set has any position.
 */
function moveBack(node: GlobNode, positions: Positions, text: GlobText): boolean {
  switch (node.is) {
    case 'unit':
      return step(positions, text.followedBy(node.has));
    case 'all':
      for (let i = node.parts.length - 1; i >= 0; i--) if (!moveBack(node.parts[i]!, positions, text)) return false;
      return true;
    case 'any':
      return someOf(node.parts, positions, text);
    case 'optional': {
      const without = text.borrow(positions);
      // A part that reaches no position may have stopped early and left some bits set.
      if (!moveBack(node.part, positions, text)) positions.fill(0);
      unite(positions, without);
      text.giveBack(without);
      return true;
    }
    case 'repeat': {
      const run = matchingPositions(node.part, text);
      const isReached = repeat(positions, run, node.least);
      if (node.part.is !== 'unit') text.giveBack(run);
      return isReached;
    }
    case 'ahead': {
      const seen = matchingPositions(node.part, text);
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
    if (moveBack(part, reached, text)) {
      unite(positions, reached);
      isReached = true;
    }
    text.giveBack(reached);
  }
  text.giveBack(goals);
  return isReached;
}

/** Returns the positions from which a node matches, whatever follows. The caller gives the set back if the node is not a unit. */
function matchingPositions(node: GlobNode, text: GlobText): Positions {
  if (node.is === 'unit') return text.followedBy(node.has);
  const positions = text.borrow(text.all);
  if (!moveBack(node, positions, text)) positions.fill(0);
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
 * Handles runs of characters. The position that one character reaches is added to the run as a number; the carry then flips every bit of
 * the run beyond that position.
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
