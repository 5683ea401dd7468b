import type { Clock } from '../runtime/clock.js';
import { TurnQueue } from '../runtime/turn-queue.js';

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
  readonly #queue: TurnQueue<Speaker>;

  constructor(clock: Clock) {
    this.#queue = new TurnQueue(clock, TURN_MS, (speaker) => speaker.hearNext());
  }

  /** Whether a message that has come now may be heard now. */
  hasTime(): boolean {
    return this.#queue.isEmpty && !this.#queue.current().isSpent();
  }

  add(speaker: Speaker): void {
    this.#queue.add(speaker);
  }

  delete(speaker: Speaker): void {
    this.#queue.delete(speaker);
  }

  stop(): void {
    this.#queue.stop();
  }
}
