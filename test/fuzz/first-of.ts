import { once, type EventEmitter } from 'node:events';

/** Resolves at the first of these events, and removes all its listeners. `once` also adds a listener for `error` each time. */
export async function firstOf(emitter: EventEmitter, ...names: readonly string[]): Promise<void> {
  const over = new AbortController();
  const came = names.map((name) => once(emitter, name, { signal: over.signal }));
  try {
    await Promise.race(came);
  } finally {
    over.abort();
    await Promise.allSettled(came);
  }
}
