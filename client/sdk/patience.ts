import type { ClientClock } from './clock.js';

/**
 * Calls when something that comes over a socket has been waited for so long. A process that was kept from its timers finds them due
 * before it has read what came meanwhile: that is read first. Else a client under load would give up one connection after the other,
 * each before it has heard the answer.
 * @returns cancels.
 */
export function afterReading(clock: ClientClock, delayMs: number, call: () => void): () => void {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(0, call);
  });
  return () => {
    cancel();
  };
}
