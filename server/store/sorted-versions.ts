import type { RecordVersion } from './record-version.js';

/** At most this many changes wait to be sorted in, so that sorting them in takes no long turn. */
const MAX_WAITING = 256;

/** A version that was put, or the id of a version that was deleted. */
type Step = RecordVersion | string;

/**
 * The current versions of one kind, ordered by id, in chunks. Finding takes logarithmic time, inserting moves one chunk, and a
 * copy of all versions (which a snapshot keeps) takes a few array copies. Delivery of a change does not need the order. So a
 * change waits here until {@link settle} sorts it in, at the latest when all versions are read.
 */
export class SortedVersions {
  readonly #chunks: RecordVersion[][] = [];
  readonly #waiting: Step[] = [];

  /** Puts a version, in place of the one with the same id if there is one. */
  put(version: RecordVersion): void {
    this.#wait(version);
  }

  delete(id: string): void {
    this.#wait(id);
  }

  /** Sorts in the changes that wait. */
  settle(): void {
    for (const step of this.#waiting) {
      if (typeof step === 'string') this.#take(step);
      else this.#place(step);
    }
    this.#waiting.length = 0;
  }

  /** Returns all current versions, ordered by id. */
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
