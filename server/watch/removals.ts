import type { Kind } from '../../protocol/index.js';
import { keyOf, type RecordName } from './record-name.js';

/**
 * How far a missing file is from being a removal. `found`: it was not there. `asked`: its directory has been seen since;
 * hints of what happened before may be on their way. `due`: they have arrived, and are all read once `after` is.
 */
type Progress = { readonly is: 'found' } | { readonly is: 'asked' } | { readonly is: 'due'; readonly after: number };

interface Missing extends RecordName {
  progress: Progress;
}

/**
 * Files that were not found. One that is not there may have another name by now, or its directory may have gone as a
 * whole; so a removal is told only when the directory has been seen after the file was missed, and after whatever else
 * happened there before that has been read and told.
 */
export class Removals {
  readonly #missing = new Map<string, Missing>();

  get size(): number {
    return this.#missing.size;
  }

  /** A file was not found. */
  note({ kind, id }: RecordName): void {
    const key = keyOf(kind, id);
    if (!this.#missing.has(key)) this.#missing.set(key, { kind, id, progress: { is: 'found' } });
  }

  /** Something of the name is there. */
  forget(kind: Kind, id: string): void {
    if (this.#missing.size > 0) this.#missing.delete(keyOf(kind, id));
  }

  clear(): void {
    this.#missing.clear();
  }

  /** The kinds in which files have been missed since {@link asked} was said of them. */
  get unasked(): ReadonlySet<Kind> {
    const kinds = new Set<Kind>();
    for (const { kind, progress } of this.#missing.values()) if (progress.is === 'found') kinds.add(kind);
    return kinds;
  }

  /** A kind's directory has been seen; or has not, and then nothing is known of what was missed in it. */
  asked(kind: Kind, isSeen: boolean): void {
    for (const [key, missing] of this.#missing) {
      if (missing.kind !== kind || missing.progress.is !== 'found') continue;
      if (isSeen) missing.progress = { is: 'asked' };
      else this.#missing.delete(key);
    }
  }

  /** Nothing is known any more of what was missed in a kind's directory. */
  drop(kind: Kind): void {
    for (const [key, missing] of this.#missing) if (missing.kind === kind) this.#missing.delete(key);
  }

  /** All hints of what happened before a directory was asked have arrived, the last of them with this number. */
  arrived(last: number, kind?: Kind): void {
    for (const missing of this.#missing.values()) {
      if (missing.progress.is !== 'asked' || (kind !== undefined && missing.kind !== kind)) continue;
      missing.progress = { is: 'due', after: last };
    }
  }

  /** Takes out what is gone for sure, now that all hints before the one with this number have been read. */
  *take(next: number): Generator<RecordName> {
    for (const [key, { kind, id, progress }] of this.#missing) {
      if (progress.is !== 'due' || progress.after >= next) continue;
      this.#missing.delete(key);
      yield { kind, id };
    }
  }

  /** Whether a removal is due, or could be once hints have arrived. */
  wantTurn(hintsArriveByNextTurn: boolean): boolean {
    for (const { progress } of this.#missing.values()) {
      if (progress.is === 'due' || (progress.is === 'asked' && hintsArriveByNextTurn)) return true;
    }
    return false;
  }
}
