import { recordKey, type Kind, type RecordName } from '../../protocol/index.js';

/**
 * The progress of a missing file towards a removal. `found`: the file was not found. `asked`: its directory has been seen
 * since then; hints of earlier changes may still arrive. `due`: all of them have arrived, the last with the number `after`.
 * When that hint has been read, all of them have been.
 */
type Progress = { readonly is: 'found' } | { readonly is: 'asked' } | { readonly is: 'due'; readonly after: number };

interface Missing extends RecordName {
  progress: Progress;
}

/**
 * Files that were not found. Such a file may have been renamed, or its whole directory may be gone. So a removal is published
 * only if the directory was seen after the file was missed, and only after every earlier change there was read and published.
 */
export class Removals {
  readonly #missing = new Map<string, Missing>();

  get size(): number {
    return this.#missing.size;
  }

  /** Notes that a file was not found. */
  note({ kind, id }: RecordName): void {
    const key = recordKey(kind, id);
    if (!this.#missing.has(key)) this.#missing.set(key, { kind, id, progress: { is: 'found' } });
  }

  /** Forgets a missing file, because there is something with its name. */
  forget(kind: Kind, id: string): void {
    if (this.#missing.size > 0) this.#missing.delete(recordKey(kind, id));
  }

  clear(): void {
    this.#missing.clear();
  }

  /** The kinds in which files have been missed since {@link asked} was last called for them. */
  get unasked(): ReadonlySet<Kind> {
    const kinds = new Set<Kind>();
    for (const { kind, progress } of this.#missing.values()) if (progress.is === 'found') kinds.add(kind);
    return kinds;
  }

  /** Notes whether a kind's directory could be seen. If not, the files missed in it are forgotten: nothing is known of them. */
  asked(kind: Kind, isSeen: boolean): void {
    for (const [key, missing] of this.#missing) {
      if (missing.kind !== kind || missing.progress.is !== 'found') continue;
      if (isSeen) missing.progress = { is: 'asked' };
      else this.#missing.delete(key);
    }
  }

  /** Forgets all files missed in a kind's directory, because nothing is known of them any more. */
  drop(kind: Kind): void {
    for (const [key, missing] of this.#missing) if (missing.kind === kind) this.#missing.delete(key);
  }

  /** Notes that all hints of changes before a directory was seen have arrived, the last of them with the number `last`. */
  arrived(last: number, kind?: Kind): void {
    for (const missing of this.#missing.values()) {
      if (missing.progress.is !== 'asked' || (kind !== undefined && missing.kind !== kind)) continue;
      missing.progress = { is: 'due', after: last };
    }
  }

  /** Takes out the files that are certainly gone. All hints before the one with the number `next` have been read. */
  *take(next: number): Generator<RecordName> {
    for (const [key, { kind, id, progress }] of this.#missing) {
      if (progress.is !== 'due' || progress.after >= next) continue;
      this.#missing.delete(key);
      yield { kind, id };
    }
  }

  /** Whether a removal is due, or will be in the next turn. */
  wantTurn(hintsArriveByNextTurn: boolean): boolean {
    for (const { progress } of this.#missing.values()) {
      if (progress.is === 'due' || (progress.is === 'asked' && hintsArriveByNextTurn)) return true;
    }
    return false;
  }
}
