import { BusError } from './bus-error.js';
import type { ClientClock } from './clock.js';
import { milliseconds, SIGNAL, type OptionTable } from './option-table.js';

/** What ends the wait for an answer. */
export interface AskOptions {
  /** Ends the wait when it aborts: the call rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the call rejects with `timeout`. @default Infinity */
  readonly timeoutMs?: number | undefined;
}

export const ASK_OPTIONS: OptionTable<AskOptions> = { signal: SIGNAL, timeoutMs: milliseconds };

/** Returns the reason of an aborted signal, as an `Error`. */
export const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason), { cause: signal.reason });

/**
 * Returns the result of `start`. If the signal aborts or the time is over first, the call rejects at once, and the signal that `start`
 * was called with aborts.
 * @throws BusError `timeout`; the signal's reason; what `start` throws.
 */
export async function within<T>(
  { signal, timeoutMs = Infinity }: AskOptions,
  clock: ClientClock,
  what: string,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw reasonOf(signal);
  const end = new AbortController();
  let undo: () => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      reject(reasonOf(signal!));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel =
      timeoutMs === Infinity
        ? undefined
        : clock.after(timeoutMs, () => {
            const hint = 'the bus may be away: see status, and try again';
            reject(new BusError('timeout', `${what} took longer than ${String(timeoutMs)} ms`, hint));
          });
    undo = () => {
      signal?.removeEventListener('abort', onAbort);
      cancel?.();
    };
  });
  try {
    return await Promise.race([start(end.signal), ended]);
  } finally {
    undo();
    end.abort();
  }
}
