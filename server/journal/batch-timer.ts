import type { Clock } from '../runtime/clock.js';

/** Events wait for company until there has been none for so long, */
const GATHER_MS = 50;
/** but never longer than this: each writing ends in a flush, and a trickle must not wait for its own end. */
const MAX_GATHER_MS = 500;

/** When what has been gathered is to be written. */
export class BatchTimer {
  #phase: 'none' | 'open' | 'full' = 'none';
  /** When the first and the last came. */
  #since = 0;
  #joinedAt = 0;
  #cancel: () => void = () => undefined;

  /** @param end called in a turn of its own, which ends the gathering. */
  constructor(
    private readonly clock: Clock,
    private readonly end: () => void,
  ) {}

  /** One more has come. A timer that has been set stands, because to set it anew would cost each event more than all else here. */
  join(isFull: boolean): void {
    const now = this.clock.elapsed();
    this.#joinedAt = now;
    if (this.#phase === 'full' || (this.#phase === 'open' && !isFull)) return;
    if (this.#phase === 'none') this.#since = now;
    this.#phase = isFull ? 'full' : 'open';
    this.#lookIn(isFull ? 0 : GATHER_MS);
  }

  stop(): void {
    this.#phase = 'none';
    this.#cancel();
  }

  #lookIn(ms: number): void {
    this.#cancel();
    this.#cancel = this.clock.after(ms, () => {
      this.#look();
    });
  }

  #look(): void {
    const left = Math.min(this.#joinedAt + GATHER_MS, this.#since + MAX_GATHER_MS) - this.clock.elapsed();
    if (this.#phase === 'open' && left > 0) {
      this.#lookIn(left);
      return;
    }
    this.#phase = 'none';
    this.end();
  }
}
