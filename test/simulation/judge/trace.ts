import { createHash } from 'node:crypto';

/** The hash is updated with pieces of about this many characters, because most added texts are short. */
const PIECE = 65_536;

/** A hash of everything that was reported, in order. */
export class Trace {
  readonly #hash = createHash('sha256');
  #text = '';
  readonly #moments = new Float64Array(PIECE / 8);
  #count = 0;

  /** Adds a moment: its bits, because to write a number as text takes longer than many a step of a life. */
  at(ms: number): void {
    this.#moments[this.#count++] = ms;
    if (this.#count === this.#moments.length) this.#takeMoments();
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length < PIECE) return;
    this.#hash.update(this.#text);
    this.#text = '';
  }

  digest(): string {
    this.#takeMoments();
    return this.#hash.copy().update(this.#text).digest('hex').slice(0, 16);
  }

  #takeMoments(): void {
    this.#hash.update(this.#moments.subarray(0, this.#count));
    this.#count = 0;
  }
}
