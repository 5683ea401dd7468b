import type { Clock } from '../../runtime/clock.js';
import { TurnLoop, type Turn } from '../../runtime/turn-loop.js';

/** One turn of the loop serves those who are written to for at most this long, all together. */
const TURN_MS = 3;

/** A long answer, written piece by piece. */
export interface LongAnswer {
  /** Writes a piece. @returns whether another one can follow now. */
  writePiece(turn: Turn): boolean;
}

/** Shares the time for writing long answers: a piece each in turn, so that many of them delay nobody more than one does. */
export class Turns {
  readonly #waiting = new Set<LongAnswer>();
  readonly #turns: TurnLoop;

  constructor(clock: Clock) {
    this.#turns = new TurnLoop(clock, TURN_MS, (turn) => this.#write(turn));
  }

  add(answer: LongAnswer): void {
    this.#waiting.add(answer);
    this.#turns.request();
  }

  delete(answer: LongAnswer): void {
    this.#waiting.delete(answer);
  }

  #write(turn: Turn): boolean {
    do {
      const [next] = this.#waiting;
      if (next === undefined) return false;
      this.#waiting.delete(next);
      // Behind all others.
      if (next.writePiece(turn)) this.#waiting.add(next);
    } while (!turn.isSpent());
    return this.#waiting.size > 0;
  }
}
