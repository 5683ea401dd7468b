import type { Address } from './address.js';
import { meets, type Reading } from './address-pattern.js';

/**
 * Whether two addresses can name the same code: one covers the other, or something lies below both. A file overlaps its
 * symbols, a class its methods, a directory what is in it, a pattern what it matches and all below that.
 */
export function overlap(a: Address, b: Address): boolean {
  if (isBelow(a.steps, b.steps) || isBelow(b.steps, a.steps)) return true;
  if (isPlain(a) && isPlain(b)) return false;
  // Whatever a pattern matches lies below the names that it begins with.
  if (isBelow(a.fixedSteps, b.steps) || isBelow(b.fixedSteps, a.steps)) return true;
  if (!isBelow(a.fixedSteps, b.fixedSteps) && !isBelow(b.fixedSteps, a.fixedSteps)) return false;
  return a.readings.some((one) => b.readings.some((other) => isCertain(one, other) && canMeet(one, other)));
}

/** A text that is matched lies below what matches a name before its end, which is a directory then. */
function canMeet(a: Reading, b: Reading): boolean {
  return (
    meets(a, a.reach, b, b.reach) ||
    (b.is === 'text' && meets(a, 'below', b, 'itself')) ||
    (a.is === 'text' && meets(a, 'itself', b, 'below'))
  );
}

/**
 * Whether an address lies in another: is the same, or below it, or is matched by its pattern or below something that is. Of
 * two patterns only what is certain is said.
 */
export function covers(outer: Address, inner: Address): boolean {
  if (isBelow(inner.steps, outer.steps)) return true;
  if (isPlain(outer) || inner.kind === 'pattern') return false;
  if (!isBelow(inner.steps, outer.fixedSteps)) return false;
  const [itself] = inner.readings;
  return outer.readings.some((reading) => meets(reading, 'below', itself!, 'itself'));
}

/** Whether the steps lie at or below others. */
export function isBelow(steps: readonly string[], above: readonly string[]): boolean {
  return above.length <= steps.length && above.every((step, i) => steps[i] === step);
}

const isPlain = ({ readings }: Address): boolean => readings.length === 1;

/** Of two wildcards that may both be names, `[id]` and `[userId]`, nobody knows that they meet. */
const isCertain = (a: Reading, b: Reading): boolean => a.is !== 'perhaps' || b.is !== 'perhaps';
