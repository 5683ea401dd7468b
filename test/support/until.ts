/** How long a condition may take before a test gives up: far beyond what is expected, on a busy machine too. */
const PATIENCE_MS = 30_000;
const POLL_INTERVAL_MS = 5;

/**
 * Waits for a condition by looking at it every few milliseconds.
 * @throws Error naming `what` where it does not come true in time.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited ${String(patienceMs)} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** Waits until `find` finds something, and returns it; `undefined` and `false` are nothing. */
export async function untilFound<T>(
  what: string,
  find: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  let found: T | undefined | false;
  await until(what, async () => {
    found = await find();
    return found !== undefined && found !== false;
  });
  return found as T;
}
