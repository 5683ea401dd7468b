import { pauseMs } from '../../protocol/index.js';
import { readClocks, type ClientClock } from './clock.js';

/** A wait looks at the clocks this often, because a timer of some systems stands still while the machine sleeps. */
const LOOK_MS = 1_000;

/** What a wait calls. */
export interface Waiter {
  /** The time is over. */
  over(): void;
  /** The machine has slept, or the process was stopped. @returns the milliseconds to wait from now on; `undefined` to go on as before. */
  woken(): number | undefined;
}

/**
 * Waits for `delayMs`, then until the process has read its sockets, then calls `over`. When a process was blocked, its timers are due before
 * it has read the messages that arrived meanwhile. Without the second step a client under load would give up each connection before it
 * has read the server's answer.
 * @returns a function that cancels the wait.
 */
export function wait(clock: ClientClock, delayMs: number, waiter: Waiter): () => void {
  let cancel: () => void = () => undefined;
  const look = (leftMs: number): void => {
    const ms = Math.min(leftMs, LOOK_MS);
    const before = readClocks(clock);
    cancel = clock.after(ms, () => {
      const now = readClocks(clock);
      const restMs =
        (pauseMs(before, now, ms) > 0 ? waiter.woken() : undefined) ??
        leftMs - Math.max(ms, now.elapsed - before.elapsed);
      if (restMs > 0) look(restMs);
      else
        cancel = clock.after(0, () => {
          waiter.over();
        });
    });
  };
  look(delayMs);
  return () => {
    cancel();
  };
}
