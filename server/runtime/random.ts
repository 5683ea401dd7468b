import { randomBytes } from 'node:crypto';

/** Bytes that nobody can foretell, given to what needs them, so that a simulation can repeat itself. */
export type RandomBytes = (count: number) => Uint8Array;

export const systemRandom: RandomBytes = (count) => randomBytes(count);
