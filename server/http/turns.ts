import type { Clock } from '../clock.js';

/** One turn of the loop serves those who are written to for at most this long, all together. */
const TURN_MS = 3;

/** A long answer, written piece by piece. */
export interface LongAnswer {
  /** Writes a piece. @returns whether another one can follow now. */
  writePiece(deadline: number): boolean;
}

/** Shares the time for writing long answers: a piece each in turn, so that many of them delay nobody more than one does. */
export class Turns {
  readonly #waiting = new Set<LongAnswer>();
  #isScheduled = false;

  constructor(private readonly clock: Clock) {}

  add(answer: LongAnswer): void {
    this.#waiting.add(answer);
    this.#schedule();
  }

  delete(answer: LongAnswer): void {
    this.#waiting.delete(answer);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#turn();
    });
  }

  #turn(): void {
    this.#isScheduled = false;
    const deadline = this.clock.elapsed() + TURN_MS;
    do {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      // Behind all others.
      if (next.writePiece(deadline)) this.#waiting.add(next);
    } while (this.clock.elapsed() < deadline);
    if (this.#waiting.size > 0) this.#schedule();
  }
}
