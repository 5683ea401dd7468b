/** How long a condition may take before a test gives up: far beyond what is expected, on a busy machine too. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 5;

/**
 * Waits for a condition by looking at it every few milliseconds.
 * @throws Error naming `what` where it does not come true in time.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Waits until `find` finds something, and returns it. */
export async function untilFound<T>(what: string, find: () => T | undefined): Promise<T> {
  let found: T | undefined;
  await until(what, () => (found = find()) !== undefined);
  return found!;
}
