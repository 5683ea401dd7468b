import type { ClientClock } from './clock.js';

/**
 * Calls `call` after `delayMs`, but only after the process has read its sockets. When a process was blocked, its timers are due before it
 * has read the messages that arrived meanwhile. Without this second step a client under load would give up each connection before it
 * has read the server's answer.
 * @returns a function that cancels the timer.
 */
export function afterReading(clock: ClientClock, delayMs: number, call: () => void): () => void {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(0, call);
  });
  return () => {
    cancel();
  };
}
