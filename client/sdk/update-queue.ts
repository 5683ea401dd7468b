import type { Update } from './update.js';

interface Entry {
  readonly update: Update;
  /** Where to resume once this has been consumed. */
  readonly cursor: string | undefined;
  /** The last of what came in one frame. */
  endsFrame: boolean;
}

/** Somebody who asked for the next entry before there was one. */
interface Waiter {
  resolve(entry: Entry | undefined): void;
  reject(error: Error): void;
}

/** What has been received and not consumed; one reader, who may ask for several at once. */
export class UpdateQueue {
  #entries: Entry[] = [];
  #head = 0;
  readonly #waiting: Waiter[] = [];
  #closed: { readonly error?: Error } | undefined;
  #last: Entry | undefined;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  push(update: Update, cursor: string | undefined): void {
    if (this.#closed) return;
    const entry = { update, cursor, endsFrame: false };
    this.#last = entry;
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(entry);
    else this.#entries.push(entry);
  }

  /** What was pushed last is the end of what came in one frame. */
  endFrame(): void {
    if (this.#last) this.#last.endsFrame = true;
  }

  /** No more will come; what is there can still be read, then the error, if any, is thrown once. */
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

  /** The reader has gone: nothing more is read, neither what is there nor an error. */
  abandon(): void {
    this.clear();
    this.#closed = {};
    for (const waiter of this.#waiting.splice(0)) waiter.resolve(undefined);
  }

  /** Forgets what is there. @returns how many events that were. */
  clear(): number {
    const events = this.#entries.slice(this.#head).filter(({ update }) => update.type === 'event').length;
    this.#entries = [];
    this.#head = 0;
    return events;
  }

  /** Of several events of one record keeps the last, in its place. */
  keepLatest(): void {
    const seen = new Set<string>();
    const kept: Entry[] = [];
    for (let i = this.#entries.length - 1; i >= this.#head; i--) {
      const entry = this.#entries[i]!;
      if (entry.update.type === 'event') {
        const { kind, id } = entry.update.event;
        const record = `${kind}/${id}`;
        if (seen.has(record)) continue;
        seen.add(record);
      }
      kept.push(entry);
    }
    this.#entries = kept.reverse();
    this.#head = 0;
  }

  /** Takes what came in the same frame after an entry that was taken. */
  takeFrame(first: Entry): Entry[] {
    const taken: Entry[] = [];
    for (let last = first; !last.endsFrame && this.#head < this.#entries.length; taken.push(last)) {
      last = this.#entries[this.#head++]!;
    }
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    }
    return taken;
  }

  /** @returns `undefined` at the end. @throws the error it was closed with. */
  next(): Promise<Entry | undefined> {
    const entry = this.#entries[this.#head];
    if (entry) {
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
