import type { Clock } from '../runtime/clock.js';
import { TurnQueue } from '../runtime/turn-queue.js';

/** How long one turn of the loop may handle messages, of all connections together. */
const TURN_MS = 4;

/** A connection whose messages can wait. */
export interface MessageSource {
  /** Handles one waiting message. @returns whether another one waits. */
  handleNext(): boolean;
}

/**
 * Shares the time for messages between connections. Within a turn's time a message is handled when it arrives. After that messages wait.
 * The connections are then served in round robin, one message each, and each connection's messages in their order. So a connection that
 * sends much delays only itself.
 */
export class Intake {
  readonly #queue: TurnQueue<MessageSource>;

  constructor(clock: Clock) {
    this.#queue = new TurnQueue(clock, TURN_MS, (source) => source.handleNext());
  }

  /** Whether a message that arrives now may be handled now. */
  hasTime(): boolean {
    return this.#queue.isEmpty && !this.#queue.current().isSpent();
  }

  add(source: MessageSource): void {
    this.#queue.add(source);
  }

  delete(source: MessageSource): void {
    this.#queue.delete(source);
  }

  stop(): void {
    this.#queue.stop();
  }
}
