/** A stream of random numbers from a seed. It is the same on every machine, because it uses only integers. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  /** @param name of the stream: streams of one seed with different names are independent. */
  constructor(seed: number, name = '') {
    let hash = 0x811c9dc5;
    const mix = (value: number): number => {
      hash = Math.imul(hash ^ value, 0x01000193);
      hash ^= hash >>> 15;
      return hash | 0;
    };
    mix(seed | 0);
    mix(Math.floor(seed / 2 ** 32));
    for (let i = 0; i < name.length; i++) mix(name.charCodeAt(i));
    this.#a = mix(1);
    this.#b = mix(2);
    this.#c = mix(3);
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** In [0, 1), with 32 bits. */
  readonly fraction = (): number => this.#next() / 2 ** 32;

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.fraction() * below);
  }

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + this.fraction() * (to - from);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** Returns the wait between two independent events: on average the given milliseconds, and at most ten times that. */
  wait(averageMs: number): number {
    // A sum of uniform numbers: logarithms differ in their last bits between versions of the engine.
    let sum = 0;
    for (let i = 0; i < 3; i++) sum += this.fraction();
    const shape = sum / 1.5;
    return averageMs * (this.chance(0.05) ? shape * 5 : shape);
  }

  readonly bytes = (count: number): Uint8Array => {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.#next() & 0xff;
    return bytes;
  };

  /** sfc32: small, fast, and exact in 32-bit integers. */
  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }
}
