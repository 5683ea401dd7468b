import type { Clock } from './clock.js';
import { TurnLoop, type Turn } from './turn-loop.js';

/**
 * A queue of items that share the time of a turn. Each is served one piece, one after the other, until the turn is spent, and the rest in
 * the next turn. An item that has more to do goes to the end of the queue, so that a long one does not delay the others.
 */
export class TurnQueue<Waiting> {
  readonly #waiting = new Set<Waiting>();
  readonly #turns: TurnLoop;

  constructor(
    clock: Clock,
    turnMs: number,
    /** Serves one piece of an item. @returns whether it has more to do. */
    private readonly serve: (waiting: Waiting, turn: Turn) => boolean,
  ) {
    this.#turns = new TurnLoop(clock, turnMs, (turn) => this.#step(turn));
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Returns the current turn, for work that does not have to wait. */
  current(): Turn {
    return this.#turns.current();
  }

  add(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#turns.request();
  }

  delete(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  stop(): void {
    this.#turns.stop();
    this.#waiting.clear();
  }

  #step(turn: Turn): boolean {
    do {
      const [next] = this.#waiting;
      if (next === undefined) return false;
      this.#waiting.delete(next);
      if (this.serve(next, turn)) this.#waiting.add(next);
    } while (!turn.isSpent());
    return this.#waiting.size > 0;
  }
}
