import { createHash } from 'node:crypto';

/** The hash is updated with pieces of about this many characters, because most added texts are short. */
const PIECE = 65_536;

/** A hash of everything that was reported, in order. */
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
