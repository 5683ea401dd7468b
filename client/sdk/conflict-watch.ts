import { conflictForm, type Conflict, type ConflictForm } from '../../protocol/index.js';
import type { Faults } from './faults.js';

interface ConflictWatch {
  readonly tell: (conflict: ConflictForm) => void;
  /** Keys of the conflicts that the watcher has received, or that existed before it was added. */
  known: ReadonlySet<string>;
}

/** The watchers of a mirror's conflicts. Each is called once when a conflict begins, and again if the conflict ends and begins again. */
export class ConflictWatches {
  readonly #watches = new Set<ConflictWatch>();

  constructor(
    /** Returns the conflicts that exist now. */
    private readonly conflicts: () => readonly Conflict[],
    private readonly faults: Faults,
  ) {}

  /** Adds a watcher; it is not called for conflicts that exist already. @returns a function that removes it. */
  add(tell: (conflict: ConflictForm) => void): () => void {
    const watch = { tell, known: keysOf(this.conflicts()) };
    this.#watches.add(watch);
    return () => this.#watches.delete(watch);
  }

  /** Called when leases or intents may have changed. */
  changed(): void {
    // Without watchers the search for conflicts would be wasted.
    if (this.#watches.size === 0) return;
    const now = this.conflicts();
    const keys = keysOf(now);
    for (const watch of [...this.#watches]) {
      const { tell, known } = watch;
      watch.known = keys;
      for (const conflict of now)
        // A watcher may remove itself or another.
        if (!known.has(keyOf(conflict)) && this.#watches.has(watch))
          this.faults.guard('onConflict of a mirror', tell, conflictForm(conflict));
    }
  }
}

const keysOf = (conflicts: readonly Conflict[]): ReadonlySet<string> => new Set(conflicts.map(keyOf));

/** Identifies a conflict. A third run at the address makes another conflict; another reservation of the same run does not. */
const keyOf = ({ type, address, parties }: Conflict): string =>
  JSON.stringify([type, address, parties.map(({ run, branch }) => [run ?? null, branch ?? null])]);
