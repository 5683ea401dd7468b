import { recordKey } from '../../protocol/index.js';
import type { Update } from './update.js';

/** An update, as it waits for the reader. */
export interface Entry {
  readonly update: Update;
  /** The place to resume after, once this entry is consumed. */
  readonly cursor: string | undefined;
  /** Whether this is the last entry of its frame. */
  endsFrame: boolean;
}

/** A call of `next` that waits for an entry. */
interface Waiter {
  resolve(entry: Entry | undefined): void;
  reject(error: Error): void;
}

/** The updates that are received and not consumed. There is one reader, which may call `next` several times at once. */
export class UpdateQueue {
  #entries: Entry[] = [];
  #head = 0;
  readonly #waiting: Waiter[] = [];
  #closed: { readonly error?: Error } | undefined;
  #last: Entry | undefined;

  /** @param handOut called when the reader is given an entry, before the reader runs. */
  constructor(private readonly handOut: (entry: Entry) => void = () => undefined) {}

  get size(): number {
    return this.#entries.length - this.#head;
  }

  push(update: Update, cursor: string | undefined): void {
    if (this.#closed) return;
    const entry = { update, cursor, endsFrame: false };
    this.#last = entry;
    const waiting = this.#waiting.shift();
    if (waiting) {
      this.handOut(entry);
      waiting.resolve(entry);
    } else this.#entries.push(entry);
  }

  /** Marks the entry that was pushed last as the end of its frame. */
  endFrame(): void {
    if (this.#last) this.#last.endsFrame = true;
  }

  /** Ends the queue. The reader still receives the waiting entries, then the error, if there is one, once. */
  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = error === undefined ? {} : { error };
    const [first, ...others] = this.#waiting.splice(0);
    if (first && error) {
      this.#closed = {};
      first.reject(error);
    } else {
      first?.resolve(undefined);
    }
    for (const waiter of others) waiter.resolve(undefined);
  }

  /** Called when the reader has finished: drops the waiting entries and the error. */
  abandon(): void {
    this.clear();
    this.#closed = {};
    for (const waiter of this.#waiting.splice(0)) waiter.resolve(undefined);
  }

  /** Drops the waiting entries. @returns how many of them were events. */
  clear(): number {
    const events = this.#entries.slice(this.#head).filter(({ update }) => update.type === 'event').length;
    this.#entries = [];
    this.#head = 0;
    return events;
  }

  /** Keeps only the last of several events of one record, at its position. */
  keepLatest(): void {
    const seen = new Set<string>();
    const kept: Entry[] = [];
    for (let i = this.#entries.length - 1; i >= this.#head; i--) {
      const entry = this.#entries[i]!;
      if (entry.update.type === 'event') {
        const { kind, id } = entry.update.event;
        const record = recordKey(kind, id);
        if (seen.has(record)) continue;
        seen.add(record);
      }
      kept.push(entry);
    }
    this.#entries = kept.reverse();
    this.#head = 0;
  }

  /** Takes the entries that follow `first` in the same frame. */
  takeFrame(first: Entry): Entry[] {
    const taken: Entry[] = [];
    for (let last = first; !last.endsFrame && this.#head < this.#entries.length; taken.push(last)) {
      last = this.#entries[this.#head++]!;
      if (last.cursor !== undefined) this.handOut(last);
    }
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    }
    return taken;
  }

  /** @returns `undefined` at the end. @throws the error of `close`, once. */
  next(): Promise<Entry | undefined> {
    const entry = this.#entries[this.#head];
    if (entry) {
      this.handOut(entry);
      this.#head++;
      if (this.#head > 512 && this.#head * 2 > this.#entries.length) {
        this.#entries = this.#entries.slice(this.#head);
        this.#head = 0;
      }
      return Promise.resolve(entry);
    }
    if (this.#closed) {
      const { error } = this.#closed;
      this.#closed = {};
      return error ? Promise.reject(error) : Promise.resolve(undefined);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}
