import type { RecordVersion } from './record-version.js';

/**
 * The current versions of one kind, ordered by id, in chunks: finding costs a logarithm, inserting a short move, and a
 * copy of the whole (what a snapshot holds on to) a few array copies.
 */
export class SortedVersions {
  readonly #chunks: RecordVersion[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts a version in the place of the one with the same id, or in its own. */
  put(version: RecordVersion): void {
    const chunkIndex = this.#chunkFor(version.id);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) {
      this.#chunks.push([version]);
      this.#size++;
      return;
    }
    const at = lowerBound(chunk, version.id);
    if (chunk[at]?.id === version.id) {
      chunk[at] = version;
      return;
    }
    chunk.splice(at, 0, version);
    this.#size++;
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(MAX_CHUNK / 2));
  }

  delete(id: string): void {
    const chunkIndex = this.#chunkFor(id);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return;
    const at = lowerBound(chunk, id);
    if (chunk[at]?.id !== id) return;
    chunk.splice(at, 1);
    this.#size--;
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
  }

  /** All versions as they are now, in order. */
  toArray(): RecordVersion[] {
    return this.#chunks.flat();
  }

  /** The last chunk whose first id is not beyond `id`, or the first. */
  #chunkFor(id: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]![0]!.id <= id) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const MAX_CHUNK = 1_024;

function lowerBound(chunk: readonly RecordVersion[], id: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chunk[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
