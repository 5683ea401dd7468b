interface Node<T> {
  readonly children: Map<number, Node<T>>;
  readonly values: Set<T>;
  /** The last round in which its values were visited. */
  round: number;
}

const newNode = <T>(): Node<T> => ({ children: new Map(), values: new Set(), round: 0 });

/** Values by text prefix. Finds all values whose prefix begins a given text, in time that grows only with that text. */
export class PrefixTree<T> {
  readonly #root = newNode<T>();
  #round = 0;

  add(prefix: string, value: T): void {
    let node = this.#root;
    for (let i = 0; i < prefix.length; i++) {
      const unit = prefix.charCodeAt(i);
      let child = node.children.get(unit);
      if (!child) node.children.set(unit, (child = newNode()));
      node = child;
    }
    node.values.add(value);
  }

  delete(prefix: string, value: T): void {
    const path = [this.#root];
    for (let i = 0; i < prefix.length; i++) {
      const child = path[i]?.children.get(prefix.charCodeAt(i));
      if (!child) return;
      path.push(child);
    }
    path.at(-1)?.values.delete(value);
    for (let i = prefix.length; i > 0; i--) {
      const node = path[i]!;
      if (node.values.size > 0 || node.children.size > 0) return;
      path[i - 1]?.children.delete(prefix.charCodeAt(i - 1));
    }
  }

  /** Calls `visit` for each value whose prefix begins one of the texts, once per prefix. */
  eachPrefixOf(texts: readonly string[], visit: (value: T) => void): void {
    this.#round++;
    for (const text of texts) this.#eachPrefixOf(text, visit);
  }

  #eachPrefixOf(text: string, visit: (value: T) => void): void {
    let node: Node<T> | undefined = this.#root;
    for (let i = 0; ; i++) {
      if (node.round !== this.#round) {
        node.round = this.#round;
        node.values.forEach(visit);
      }
      if (i === text.length) return;
      node = node.children.get(text.charCodeAt(i));
      if (node === undefined) return;
    }
  }
}
