import type { Clock } from '../runtime/clock.js';

/** A batch is written when no event has joined it for this long. */
const GATHER_MS = 50;
/** A batch never waits longer than this, so that a slow steady stream of events is written too. Each write ends in a flush. */
const MAX_GATHER_MS = 500;

/** Decides when a batch of events is written. */
export class BatchTimer {
  #phase: 'none' | 'open' | 'full' = 'none';
  /** When the first event of the batch came, and when the last one came, on the monotonic clock. */
  #since = 0;
  #joinedAt = 0;
  #cancel: () => void = () => undefined;

  /** @param end called in a turn of its own when the batch is to be written. */
  constructor(
    private readonly clock: Clock,
    private readonly end: () => void,
  ) {}

  /** Notes that an event has joined. Does not reset the timer, because that would cost more per event than all other work here. */
  join(isFull: boolean): void {
    const now = this.clock.elapsed();
    this.#joinedAt = now;
    if (this.#phase === 'full' || (this.#phase === 'open' && !isFull)) return;
    this.#since = now;
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
