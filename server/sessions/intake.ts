import type { Clock } from '../runtime/clock.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';

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
  readonly #turns: TurnLoop;

  constructor(clock: Clock) {
    this.#turns = new TurnLoop(clock, TURN_MS, (turn) => this.#hear(turn));
  }

  /** Whether a message that has come now may be heard now. */
  hasTime(): boolean {
    return this.#waiting.size === 0 && !this.#turns.current().isSpent();
  }

  add(speaker: Speaker): void {
    this.#waiting.add(speaker);
    this.#turns.request();
  }

  delete(speaker: Speaker): void {
    this.#waiting.delete(speaker);
  }

  stop(): void {
    this.#turns.stop();
    this.#waiting.clear();
  }

  #hear(turn: Turn): boolean {
    do {
      const [next] = this.#waiting;
      if (next === undefined) return false;
      this.#waiting.delete(next);
      // Behind all others.
      if (next.hearNext()) this.#waiting.add(next);
    } while (!turn.isSpent());
    return this.#waiting.size > 0;
  }
}
