/** Functions to call at each change, in the order in which they were added. One that is added twice is called twice, until both are removed. */
export class Watchers<Watcher> {
  readonly #all = new Set<{ readonly watcher: Watcher }>();

  get size(): number {
    return this.#all.size;
  }

  /** @returns a function that removes it. */
  add(watcher: Watcher): () => void {
    const one = { watcher };
    this.#all.add(one);
    return () => this.#all.delete(one);
  }

  /** Yields the watchers that there are now, without those that are removed before their turn. */
  *[Symbol.iterator](): Generator<Watcher, void, undefined> {
    for (const one of [...this.#all]) if (this.#all.has(one)) yield one.watcher;
  }
}
