import { BusError } from './bus-error.js';
import type { ClientClock } from './clock.js';
import { milliseconds, SIGNAL, type OptionTable } from './option-table.js';

/** How long a call may take. */
export interface AskOptions {
  /** Ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Rejects with `timeout` after so long. @default Infinity */
  readonly timeoutMs?: number | undefined;
}

export const ASK_OPTIONS: OptionTable<AskOptions> = { signal: SIGNAL, timeoutMs: milliseconds };

/** Rejects with whatever a signal was aborted with. */
export const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason), { cause: signal.reason });

/**
 * What `start` gives, unless the signal aborts or the time is up before: then the call ends at once, and `start` is told by
 * the signal that it is given.
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
