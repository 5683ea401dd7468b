import type { Clock } from '../clock.js';

/** What is heard in one turn of the loop takes no longer, whoever has said it. */
const TURN_MS = 4;

/** Somebody whose messages wait. */
export interface Speaker {
  /** Hears one message that waits. @returns whether another one does. */
  hearNext(): boolean;
}

/**
 * Shares the time for hearing messages. Within a turn's time a message is heard as it comes. Beyond it messages wait, each
 * connection's in their order, and the connections are heard in turn, a message each: whoever says much waits for itself.
 */
export class Intake {
  readonly #waiting = new Set<Speaker>();
  /** When this turn's time has been used up; `undefined` while nothing has been heard in it. */
  #until: number | undefined;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether a message that has come now may be heard now. */
  hasTime(now: number): boolean {
    if (this.#waiting.size > 0) return false;
    if (this.#until === undefined) {
      this.#until = now + TURN_MS;
      setImmediate(() => {
        if (!this.#scheduled) this.#until = undefined;
      });
    }
    return now < this.#until;
  }

  add(speaker: Speaker): void {
    this.#waiting.add(speaker);
    this.#scheduled ??= setImmediate(() => {
      this.#turn();
    });
  }

  delete(speaker: Speaker): void {
    this.#waiting.delete(speaker);
  }

  stop(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    this.#waiting.clear();
  }

  #turn(): void {
    this.#scheduled = undefined;
    this.#until = undefined;
    const deadline = this.clock.elapsed() + TURN_MS;
    do {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      // Behind all others.
      if (next.hearNext()) this.#waiting.add(next);
    } while (this.clock.elapsed() < deadline);
    if (this.#waiting.size > 0) {
      this.#scheduled = setImmediate(() => {
        this.#turn();
      });
    }
  }
}
