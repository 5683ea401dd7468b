import { createHash } from 'node:crypto';

/** Text is hashed in pieces of about this length: most of what is added is a few characters long. */
const PIECE = 65_536;

/** A hash of all that was said, in its order. */
export class Trace {
  readonly #hash = createHash('sha256');
  #text = '';

  add(text: string): void {
    this.#text += text;
    if (this.#text.length < PIECE) return;
    this.#hash.update(this.#text);
    this.#text = '';
  }

  digest(): string {
    return this.#hash.copy().update(this.#text).digest('hex').slice(0, 16);
  }
}
