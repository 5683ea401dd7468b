/** Whether a class of characters has a UTF-16 code unit. */
export type UnitClass = (unit: number) => boolean;

/** Positions in a {@link GlobText}, a bit each. */
export type Positions = Uint32Array;

/** No character is behind the last position of a text. */
const NO_UNIT = -1;

/**
 * Texts laid out for matching: every position in every text is a bit, so that one operation of 32 bits moves a glob over as many
 * positions at once, and all texts are matched together. Within a text the last position comes first: to go a character towards
 * the beginning is a shift, and to go over a run of characters is an addition, which carries through it.
 */
export class GlobText {
  /** How many words of 32 bits a set of positions takes. */
  readonly words: number;
  readonly all: Positions;
  /** Before the first character of each text, and behind the last one. */
  readonly starts: Positions;
  readonly ends: Positions;
  /** The character behind each position. */
  readonly #units: Int32Array;
  /** Where a character of a class follows: found once, however many globs ask. */
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

  /** A set that is equal to another for now; matching takes and gives back some for each glob. */
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
