import { MAX_CHEAP_COST, type Turn } from '../runtime/turn-loop.js';

/** The number of records or events that are matched between two readings of the clock. */
const READ_TIME_EVERY = 16;

/** Events collected for one frame, up to a number, a size in bytes, and the end of the turn. */
export class Piece {
  readonly events: Uint8Array[] = [];
  readonly #readEvery: number;
  #bytes = 0;
  #checked = 0;

  constructor(
    private readonly maxEvents: number,
    private readonly maxBytes: number,
    matcherCost: number,
    private readonly turn: Turn,
  ) {
    this.#readEvery = matcherCost > MAX_CHEAP_COST ? 1 : READ_TIME_EVERY;
  }

  /** Counts a record or event that is about to be matched. @returns whether it may be matched in this piece. */
  beginNext(): boolean {
    if (this.events.length >= this.maxEvents || this.#bytes >= this.maxBytes) return false;
    return ++this.#checked % this.#readEvery !== 0 || !this.turn.isSpent();
  }

  add(event: Uint8Array): void {
    this.events.push(event);
    this.#bytes += event.length;
  }
}
