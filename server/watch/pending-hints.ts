import { recordKey, type Kind, type RecordName } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';

/** So many notifications in one turn may have overflowed the kernel's queue, which Node does not report. */
const BURST = 1_000;

interface Hinted extends RecordName {
  /** The number of the hint, in order of arrival. */
  readonly number: number;
}

/** The names of pending hints, each once, in the order of their first hints. */
export class PendingHints {
  readonly #names = new Map<string, Hinted>();
  #last = 0;
  #hintedAt: number | undefined;
  /** The number of notifications since the last turn. */
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

  /** The number of the first pending hint; Infinity if none is pending. */
  get next(): number {
    const [first] = this.#names.values();
    return first?.number ?? Infinity;
  }

  /** When the first hint since {@link published} arrived, on the monotonic clock. */
  get hintedAt(): number | undefined {
    return this.#hintedAt;
  }

  add(kind: Kind, id: string): void {
    this.#hintedAt ??= this.clock.elapsed();
    const key = recordKey(kind, id);
    if (!this.#names.has(key)) this.#names.set(key, { kind, id, number: ++this.#last });
  }

  /** Removes a name that is read now. */
  delete(kind: Kind, id: string): void {
    this.#names.delete(recordKey(kind, id));
  }

  clear(): void {
    this.#names.clear();
  }

  /** Takes the names out one by one. Names that are added meanwhile come last. */
  *take(): Generator<RecordName> {
    for (const [key, name] of this.#names) {
      this.#names.delete(key);
      yield name;
    }
  }

  /** Notes that the changes of all hints so far are about to be published. */
  published(): void {
    this.#hintedAt = undefined;
  }

  /** Counts a notification. @returns whether this one makes a burst. */
  notified(): boolean {
    if (++this.#notifications !== BURST) return false;
    this.#isBurst = true;
    return true;
  }

  turnBegins(): void {
    this.#notifications = 0;
  }

  get hasBurst(): boolean {
    return this.#isBurst;
  }

  /** @returns whether there has been a burst since the last call. */
  takeBurst(): boolean {
    const isBurst = this.#isBurst;
    this.#isBurst = false;
    return isBurst;
  }
}
