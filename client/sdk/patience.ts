import type { ClientClock } from './clock.js';

/**
 * How long something is waited for that comes over a socket. A process that was kept from its timers finds them due before it has
 * read what came meanwhile: that is read first. Else a client under load would give up one connection after the other, each before
 * it has heard the answer.
 */
export class Patience {
  #cancel: () => void = () => undefined;

  constructor(private readonly clock: ClientClock) {}

  /** From now on; what was begun before has ended. */
  begin(ms: number, over: () => void): void {
    this.end();
    this.#cancel = this.clock.after(ms, () => {
      this.#cancel = this.clock.after(0, over);
    });
  }

  end(): void {
    this.#cancel();
  }
}
