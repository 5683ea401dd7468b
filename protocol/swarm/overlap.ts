import type { Address } from './address.js';
import { meets, type Reading } from './address-pattern.js';

/**
 * Whether two addresses can name the same code: one covers the other, or something lies below both. A file overlaps its symbols, a class
 * its methods, a directory what is in it, a pattern what it matches and everything below that.
 */
export function overlap(a: Address, b: Address): boolean {
  if (isBelow(a.steps, b.steps) || isBelow(b.steps, a.steps)) return true;
  if (isPlain(a) && isPlain(b)) return false;
  // Everything that a pattern matches lies below the fixed names that the pattern begins with.
  if (isBelow(a.fixedSteps, b.steps) || isBelow(b.fixedSteps, a.steps)) return true;
  if (!isBelow(a.fixedSteps, b.fixedSteps) && !isBelow(b.fixedSteps, a.fixedSteps)) return false;
  return a.readings.some((one) => b.readings.some((other) => isCertain(one, other) && canMeet(one, other)));
}

/**
 * Whether two readings meet. A pattern may also match a name inside a text, before its end. That name is then a directory, and the text
 * lies below the match.
 */
function canMeet(a: Reading, b: Reading): boolean {
  return (
    meets(a, a.reach, b, b.reach) ||
    (b.is === 'text' && meets(a, 'below', b, 'itself')) ||
    (a.is === 'text' && meets(a, 'itself', b, 'below'))
  );
}

/**
 * Whether an address lies in another: it is the same, or below it, or the outer pattern matches it or a name above it. Between two patterns
 * only certain cases count.
 */
export function covers(outer: Address, inner: Address): boolean {
  if (isBelow(inner.steps, outer.steps)) return true;
  if (isPlain(outer) || inner.kind === 'pattern') return false;
  if (!isBelow(inner.steps, outer.fixedSteps)) return false;
  const [itself] = inner.readings;
  return outer.readings.some((reading) => meets(reading, 'below', itself!, 'itself'));
}

/** Whether the steps are the same as others or lie below them. */
function isBelow(steps: readonly string[], above: readonly string[]): boolean {
  return above.length <= steps.length && above.every((step, i) => steps[i] === step);
}

const isPlain = ({ readings }: Address): boolean => readings.length === 1;

/** Two texts whose signs may both be names, `[id]` and `[userId]`, do not certainly meet. */
const isCertain = (a: Reading, b: Reading): boolean => a.is !== 'perhaps' || b.is !== 'perhaps';
