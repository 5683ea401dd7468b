import { conflictForm, type Conflict, type ConflictForm } from '../../protocol/index.js';

/** Tells of each conflict once, when it begins; one that ends and begins again is told again. */
export class ConflictWatch {
  #known: ReadonlySet<string>;

  /** @param now those that exist already, which are not told. */
  constructor(
    now: readonly Conflict[],
    readonly tell: (conflict: ConflictForm) => void,
  ) {
    this.#known = new Set(now.map(keyOf));
  }

  /** @returns those that have begun: at an address, between these runs. */
  update(now: readonly Conflict[]): ConflictForm[] {
    const before = this.#known;
    this.#known = new Set(now.map(keyOf));
    return now.filter((conflict) => !before.has(keyOf(conflict))).map(conflictForm);
  }
}

/** A third run at an address makes it another conflict; another reservation of the same run does not. */
const keyOf = ({ type, address, parties }: Conflict): string =>
  JSON.stringify([type, address, parties.map(({ run, branch }) => [run ?? null, branch ?? null])]);
