import type { Clock } from '../runtime/clock.js';
import { TurnQueue } from '../runtime/turn-queue.js';

/** How long one turn of the loop may handle messages, of all connections together. */
const TURN_MS = 4;

/** A connection whose messages can wait. */
export interface Speaker {
  /** Handles one waiting message. @returns whether another one waits. */
  hearNext(): boolean;
}

/**
 * Shares the time for messages between connections. Within a turn's time a message is handled when it arrives. After that messages wait.
 * The connections are then served in round robin, one message each, and each connection's messages in their order. So a connection that
 * sends much delays only itself.
 */
export class Intake {
  readonly #queue: TurnQueue<Speaker>;

  constructor(clock: Clock) {
    this.#queue = new TurnQueue(clock, TURN_MS, (speaker) => speaker.hearNext());
  }

  /** Whether a message that arrives now may be handled now. */
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
