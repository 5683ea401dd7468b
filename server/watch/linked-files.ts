import { KINDS, type Kind } from '../../protocol/index.js';

/**
 * The records whose files have another name, a hard link. A write through a name outside of the watched directory gives no hint, so that only
 * another reading tells whether they have changed.
 */
export class LinkedFiles {
  readonly #ids = new Map<Kind, Set<string>>(KINDS.map((kind) => [kind, new Set()]));

  /** Notes what a reading found. */
  note(kind: Kind, id: string, isLinked: boolean): void {
    const ids = this.#ids.get(kind)!;
    if (isLinked) ids.add(id);
    else if (ids.size > 0) ids.delete(id);
  }

  has(kind: Kind, id: string): boolean {
    return this.#ids.get(kind)!.has(id);
  }

  /** Whether a kind has such a record. */
  isAny(kind: Kind): boolean {
    return this.#ids.get(kind)!.size > 0;
  }
}
