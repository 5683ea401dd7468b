/** Whether a UTF-16 code unit is in a class of characters. */
export type UnitClass = (unit: number) => boolean;

/** A set of positions in a {@link GlobText}, one bit each. */
export type Positions = Uint32Array;

/** The last position of a text has no character after it. */
const NO_UNIT = -1;

/**
 * Texts laid out for matching. Each position in each text is a bit, so one operation of 32 bits moves a glob over 32 positions, and all
 * texts are matched together. Within a text the last position comes first: a step of one character towards the beginning is a shift, and a
 * run of characters is an addition, whose carry passes through the run.
 */
export class GlobText {
  /** The number of 32-bit words in a set of positions. */
  readonly words: number;
  readonly all: Positions;
  /** The positions before the first character of each text, and those after the last one. */
  readonly starts: Positions;
  readonly ends: Positions;
  /** The character after each position. */
  readonly #units: Int32Array;
  /** The positions that a character of a class follows. Computed once for each class, however many globs use it. */
  readonly #free: Positions[] = [];
  readonly #followedBy = new Map<UnitClass, Positions>();

  constructor(texts: readonly string[]) {
    const size = texts.reduce((sum, { length }) => sum + length + 1, 0);
    this.words = (size + 31) >>> 5;
    this.#units = new Int32Array(size);
    this.all = this.#none();
    this.starts = this.#none();
    this.ends = this.#none();
    let bit = 0;
    for (const text of texts) {
      set(this.ends, bit);
      for (let i = text.length; i >= 0; i--, bit++) {
        set(this.all, bit);
        this.#units[bit] = i === text.length ? NO_UNIT : text.charCodeAt(i);
      }
      set(this.starts, bit - 1);
    }
  }

  /** Returns a set that starts equal to another. Matching borrows and gives back several sets for each glob, so they are reused. */
  borrow(equalTo: Positions): Positions {
    const positions = this.#free.pop() ?? this.#none();
    for (let w = 0; w < this.words; w++) positions[w] = equalTo[w]!;
    return positions;
  }

  giveBack(positions: Positions): void {
    this.#free.push(positions);
  }

  #none(): Positions {
    return new Uint32Array(this.words);
  }

  followedBy(has: UnitClass): Positions {
    let positions = this.#followedBy.get(has);
    if (!positions) {
      positions = this.#none();
      const units = this.#units;
      for (let bit = 0; bit < units.length; bit++) {
        const unit = units[bit]!;
        if (unit !== NO_UNIT && has(unit)) set(positions, bit);
      }
      this.#followedBy.set(has, positions);
    }
    return positions;
  }
}

function set(positions: Positions, bit: number): void {
  positions[bit >>> 5]! |= 1 << (bit & 31);
}
