import type { Log } from '../runtime/log.js';

/** So many different warnings are remembered before all are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Warnings, each said once: a log that repeats itself is not read. */
export class Warnings {
  readonly #said = new Set<string>();
  #count = 0;

  constructor(private readonly log: Log) {}

  /** How many different warnings there have been. */
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

  /** Says it again the next time. */
  forget(key: string): void {
    this.#said.delete(key);
  }
}
