import type { Clock } from './clock.js';
import { TurnLoop, type Turn } from './turn-loop.js';

/**
 * Those who wait for their share of the event loop: served one after the other, a piece each, until the turn is spent, and again
 * in the next turn. Whoever has more to do goes behind all others, so that many delay nobody more than one does.
 */
export class TurnQueue<Waiting> {
  readonly #waiting = new Set<Waiting>();
  readonly #turns: TurnLoop;

  constructor(
    clock: Clock,
    turnMs: number,
    /** Serves one of them, a piece. @returns whether it has more to do. */
    private readonly serve: (waiting: Waiting, turn: Turn) => boolean,
  ) {
    this.#turns = new TurnLoop(clock, turnMs, (turn) => this.#step(turn));
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** The turn that is under way, for what does not have to wait. */
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
