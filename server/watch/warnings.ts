import type { Log } from '../runtime/log.js';

/** Warnings that are remembered; at one more, all are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Logs each warning once, because operators do not read a log that repeats itself. */
export class Warnings {
  readonly #said = new Set<string>();
  #count = 0;

  constructor(private readonly log: Log) {}

  /** The number of warnings logged. */
  get count(): number {
    return this.#count;
  }

  once(key: string, fields: object, message: string): void {
    if (this.#said.has(key)) return;
    if (this.#said.size >= MAX_REMEMBERED) this.#said.clear();
    this.#said.add(key);
    this.#count++;
    this.log.warn(fields, message);
  }

  /** Lets the warning of this key be logged again. */
  forget(key: string): void {
    this.#said.delete(key);
  }
}
