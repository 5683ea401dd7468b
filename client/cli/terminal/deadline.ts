import { systemClock, type ClientClock } from '../../sdk/clock.js';
import { wait } from '../../sdk/patience.js';

/**
 * Calls back after a delay. Each `restart` begins the delay again. Never calls if there is no delay. While the machine sleeps, the delay
 * goes on where the monotonic clock does (macOS, Windows), and stands still on Linux.
 */
export class Deadline {
  #cancel: (() => void) | undefined;

  constructor(
    private readonly delayMs: number | undefined,
    private readonly call: () => void,
    private readonly clock: ClientClock = systemClock,
  ) {}

  restart(): void {
    this.stop();
    if (this.delayMs === undefined) return;
    this.#cancel = wait(this.clock, this.delayMs, { over: this.call, woken: () => undefined });
  }

  stop(): void {
    this.#cancel?.();
  }
}
