import type { RecordVersion } from './record-version.js';

/** So many changes wait for their place at most, so that finding it takes no long turn. */
const MAX_WAITING = 256;

/** A version that stands, or the id of one that stands no longer. */
type Step = RecordVersion | string;

/**
 * The current versions of one kind, ordered by id, in chunks: finding costs a logarithm, inserting a short move, and a
 * copy of the whole (what a snapshot holds on to) a few array copies. Nobody who is told of a change needs the order: a
 * change only waits here, and finds its place with {@link settle}, at the latest when the whole is asked for.
 */
export class SortedVersions {
  readonly #chunks: RecordVersion[][] = [];
  readonly #waiting: Step[] = [];

  /** Puts a version in the place of the one with the same id, or in its own. */
  put(version: RecordVersion): void {
    this.#wait(version);
  }

  delete(id: string): void {
    this.#wait(id);
  }

  /** Puts in order what has changed. */
  settle(): void {
    for (const step of this.#waiting) {
      if (typeof step === 'string') this.#take(step);
      else this.#place(step);
    }
    this.#waiting.length = 0;
  }

  /** All versions as they are now, in order. */
  toArray(): RecordVersion[] {
    this.settle();
    return this.#chunks.flat();
  }

  #wait(step: Step): void {
    this.#waiting.push(step);
    if (this.#waiting.length >= MAX_WAITING) this.settle();
  }

  #place(version: RecordVersion): void {
    const chunkIndex = this.#chunkFor(version.id);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) {
      this.#chunks.push([version]);
      return;
    }
    const at = lowerBound(chunk, version.id);
    if (chunk[at]?.id === version.id) {
      chunk[at] = version;
      return;
    }
    chunk.splice(at, 0, version);
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(MAX_CHUNK / 2));
  }

  #take(id: string): void {
    const chunkIndex = this.#chunkFor(id);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return;
    const at = lowerBound(chunk, id);
    if (chunk[at]?.id !== id) return;
    chunk.splice(at, 1);
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
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
