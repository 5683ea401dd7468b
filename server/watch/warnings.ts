import type { Log } from '../runtime/log.js';

/** Warnings that are remembered; at one more, all are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Logs each warning once, because operators do not read a log that repeats itself. */
export class Warnings {
  readonly #logged = new Set<string>();
  #count = 0;

  constructor(private readonly log: Log) {}

  /** The number of warnings logged. */
  get count(): number {
    return this.#count;
  }

  once(key: string, fields: object, message: string): void {
    if (this.#logged.has(key)) return;
    if (this.#logged.size >= MAX_REMEMBERED) this.#logged.clear();
    this.#logged.add(key);
    this.#count++;
    this.log.warn(fields, message);
  }

  /** Lets the warning of this key be logged again. */
  forget(key: string): void {
    this.#logged.delete(key);
  }
}
