import type { Turn } from '../runtime/turn-loop.js';

/** How many records or events are looked at before the time is. */
const LOOK_AT_TIME_EVERY = 16;
/** Where the globs of a filter cost more, the time is looked at for each. */
const MAX_CHEAP_COST = 500;

/** Events gathered for one frame, up to a number, a size and the end of the turn. */
export class Piece {
  readonly events: Uint8Array[] = [];
  readonly #lookEvery: number;
  #bytes = 0;
  #looked = 0;

  constructor(
    private readonly maxEvents: number,
    private readonly maxBytes: number,
    matcherCost: number,
    private readonly turn: Turn,
  ) {
    this.#lookEvery = matcherCost > MAX_CHEAP_COST ? 1 : LOOK_AT_TIME_EVERY;
  }

  /** Whether one more may be looked at; asked once for each. */
  hasRoom(): boolean {
    if (this.events.length >= this.maxEvents || this.#bytes >= this.maxBytes) return false;
    return ++this.#looked % this.#lookEvery !== 0 || !this.turn.isSpent();
  }

  add(event: Uint8Array): void {
    this.events.push(event);
    this.#bytes += event.length;
  }
}
