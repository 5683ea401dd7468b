import { randomBytes } from 'node:crypto';

/** Returns unpredictable bytes. It is passed in so that a simulation can use a seed and be repeated. */
export type RandomBytes = (count: number) => Uint8Array;

export const systemRandom: RandomBytes = (count) => randomBytes(count);
