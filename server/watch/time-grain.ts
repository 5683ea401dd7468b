/** A file system's clock ticks at least this often, if it keeps fractions of a second. */
const TICK_MS = 50;
/** On a file system that keeps whole seconds. FAT keeps every second one. */
const SECONDS_MS = 2_000;
const SECOND_NS = 1_000_000_000n;

/** @returns how long after a time of change, milliseconds, another change may get the same time. A whole second is taken for all that is kept. */
export const grainMs = (changedNs: bigint): number => (changedNs % SECOND_NS === 0n ? SECONDS_MS : TICK_MS);

/** @returns a time of change in Unix milliseconds. */
export const inMs = (changedNs: bigint): number => Number(changedNs / 1_000_000n);
