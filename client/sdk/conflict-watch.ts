import { conflictForm, type Conflict, type ConflictForm } from '../../protocol/index.js';
import type { Faults } from './faults.js';

interface ConflictWatch {
  readonly tell: (conflict: ConflictForm) => void;
  /** What it has been told of, or was there before it. */
  known: ReadonlySet<string>;
}

/** Those who are told of each conflict of a mirror once, when it begins; one that ends and begins again is told again. */
export class ConflictWatches {
  readonly #watches = new Set<ConflictWatch>();

  constructor(
    /** Those that there are now. */
    private readonly conflicts: () => readonly Conflict[],
    private readonly faults: Faults,
  ) {}

  /** Those that exist already are not told. */
  add(tell: (conflict: ConflictForm) => void): () => void {
    const watch = { tell, known: keysOf(this.conflicts()) };
    this.#watches.add(watch);
    return () => this.#watches.delete(watch);
  }

  /** Leases or intents may have changed. */
  changed(): void {
    // Nothing is looked for where nobody asks.
    if (this.#watches.size === 0) return;
    const now = this.conflicts();
    const keys = keysOf(now);
    for (const watch of [...this.#watches]) {
      const { tell, known } = watch;
      watch.known = keys;
      for (const conflict of now)
        if (!known.has(keyOf(conflict)))
          this.faults.guard('onConflict of a mirror', () => {
            tell(conflictForm(conflict));
          });
    }
  }
}

const keysOf = (conflicts: readonly Conflict[]): ReadonlySet<string> => new Set(conflicts.map(keyOf));

/** A third run at an address makes it another conflict; another reservation of the same run does not. */
const keyOf = ({ type, address, parties }: Conflict): string =>
  JSON.stringify([type, address, parties.map(({ run, branch }) => [run ?? null, branch ?? null])]);
