interface Ordered {
  readonly at: number;
  readonly number: number;
}

/** A heap of tasks, with the first one, by time and then by number, on top. It compares in place: a step of a life takes a dozen comparisons. */
export class TaskQueue<Item extends Ordered> {
  readonly #items: Item[] = [];

  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(item, items[above]!)) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    const { length } = items;
    let at = 0;
    for (let below = 1; below < length; below = 2 * at + 1) {
      if (below + 1 < length && isBefore(items[below + 1]!, items[below]!)) below++;
      if (!isBefore(items[below]!, last)) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = last;
  }
}

function isBefore(a: Ordered, b: Ordered): boolean {
  return a.at === b.at ? a.number < b.number : a.at < b.at;
}
