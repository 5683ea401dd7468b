import type { Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { keyOf, type RecordName } from './record-name.js';

/** So many hints at once may have been more than the kernel's queue holds, which it does not say. */
const BURST = 1_000;

interface Hinted extends RecordName {
  /** Hints are numbered as they come. */
  readonly number: number;
}

/** The names that have been hinted at and not been read since, each once, in the order of their first hints. */
export class PendingHints {
  readonly #names = new Map<string, Hinted>();
  #last = 0;
  #hintedAt: number | undefined;
  /** Notifications since the last turn. */
  #notifications = 0;
  #isBurst = false;

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.#names.size;
  }

  /** The number of the last hint. */
  get last(): number {
    return this.#last;
  }

  /** The number of the first that waits; Infinity where none does. */
  get next(): number {
    const [first] = this.#names.values();
    return first?.number ?? Infinity;
  }

  /** When the first came since {@link told}. */
  get hintedAt(): number | undefined {
    return this.#hintedAt;
  }

  add(kind: Kind, id: string): void {
    this.#hintedAt ??= this.clock.elapsed();
    const key = keyOf(kind, id);
    if (!this.#names.has(key)) this.#names.set(key, { kind, id, number: ++this.#last });
  }

  /** A name is read now. */
  delete(kind: Kind, id: string): void {
    this.#names.delete(keyOf(kind, id));
  }

  clear(): void {
    this.#names.clear();
  }

  /** Takes them out one by one; what is added meanwhile comes last. */
  *take(): Generator<RecordName> {
    for (const [key, name] of this.#names) {
      this.#names.delete(key);
      yield name;
    }
  }

  /** Whatever has been hinted at is about to be told. */
  told(): void {
    this.#hintedAt = undefined;
  }

  /** The watcher was notified of something. @returns whether these are more now than the kernel may have room for. */
  notified(): boolean {
    if (++this.#notifications !== BURST) return false;
    this.#isBurst = true;
    return true;
  }

  turnBegins(): void {
    this.#notifications = 0;
  }

  /** @returns whether there has been a burst since this was last asked. */
  takeBurst(): boolean {
    const isBurst = this.#isBurst;
    this.#isBurst = false;
    return isBurst;
  }
}
