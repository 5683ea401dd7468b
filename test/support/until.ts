/** How long a test waits for a condition: far longer than expected, even on a busy machine. */
const TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 5;

/**
 * Waits for a condition, which it checks every 5 milliseconds.
 * @throws Error that names `what`, where the condition does not become true in time
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited ${String(timeoutMs)} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** Waits until `find` returns something other than `undefined` and `false`, and returns that. */
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
