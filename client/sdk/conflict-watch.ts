import { conflictForm, type Conflict, type ConflictForm } from '../../protocol/index.js';
import type { Faults } from './faults.js';

/** Tells of each conflict once, when it begins; one that ends and begins again is told again. */
class ConflictWatch {
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

/** Those who want to hear of the conflicts of a mirror that begin. */
export class ConflictWatches {
  readonly #watches = new Set<ConflictWatch>();

  constructor(
    /** Those that there are now. */
    private readonly conflicts: () => readonly Conflict[],
    private readonly faults: Faults,
  ) {}

  add(call: (conflict: ConflictForm) => void): () => void {
    const watch = new ConflictWatch(this.conflicts(), call);
    this.#watches.add(watch);
    return () => this.#watches.delete(watch);
  }

  /** Leases or intents may have changed. Nobody is looked for where nobody asks. */
  changed(): void {
    if (this.#watches.size === 0) return;
    const now = this.conflicts();
    for (const watch of [...this.#watches])
      for (const begun of watch.update(now))
        this.faults.guard('onConflict of a mirror', () => {
          watch.tell(begun);
        });
  }
}

/** A third run at an address makes it another conflict; another reservation of the same run does not. */
const keyOf = ({ type, address, parties }: Conflict): string =>
  JSON.stringify([type, address, parties.map(({ run, branch }) => [run ?? null, branch ?? null])]);
