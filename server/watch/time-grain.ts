/** A file system's clock ticks at least this often, if it keeps fractions of a second. */
const TICK_MS = 50;
/** On a file system that keeps whole seconds. FAT keeps every second one. */
const SECONDS_MS = 2_000;
const SECOND_NS = 1_000_000_000n;

/** Whether a time of change may have been cut to whole seconds: a whole second is taken for all that is kept. */
export const areSeconds = (changedNs: bigint): boolean => changedNs % SECOND_NS === 0n;

/** @returns how long after a time of change, milliseconds, another change may get the same time. */
export const grainMs = (changedNs: bigint): number => (areSeconds(changedNs) ? SECONDS_MS : TICK_MS);

/** @returns a time of change in Unix milliseconds. */
export const inMs = (changedNs: bigint): number => Number(changedNs / 1_000_000n);
