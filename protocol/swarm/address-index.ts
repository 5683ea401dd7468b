import type { Address } from './address.js';
import { covers, overlap } from './overlap.js';

/** An owner and one of its addresses. */
export interface IndexEntry {
  readonly owner: string;
  readonly address: Address;
}

interface Node {
  readonly children: Map<string, Node>;
  /** Entries whose steps end here. */
  readonly exact: Map<string, IndexEntry>;
  /** Entries with wildcards whose fixed steps end here. */
  readonly wild: Map<string, IndexEntry>;
}

const newNode = (): Node => ({ children: new Map(), exact: new Map(), wild: new Map() });

/** Finds the owners at, above or below an address without looking at all of them: a tree of steps. */
export class AddressIndex {
  readonly #root = newNode();

  add(owner: string, address: Address): void {
    const entry = { owner, address };
    const key = keyOf(entry);
    this.#make(address.steps).exact.set(key, entry);
    if (address.readings.length > 1) this.#make(address.fixedSteps).wild.set(key, entry);
  }

  remove(owner: string, address: Address): void {
    const key = keyOf({ owner, address });
    this.#take(address.steps, ({ exact }) => exact.delete(key));
    if (address.readings.length > 1) this.#take(address.fixedSteps, ({ wild }) => wild.delete(key));
  }

  /** Yields the entries whose addresses overlap the given one, each once, in no order. */
  *overlapping(address: Address): Generator<IndexEntry> {
    const seen = new Set<string>();
    for (const entry of this.#mayOverlap(address)) {
      const key = keyOf(entry);
      if (seen.has(key) || !overlap(entry.address, address)) continue;
      seen.add(key);
      yield entry;
    }
  }

  /**
   * Returns the entries whose addresses cover the given one, each once, in no order. It is asked of every address many times a second, so it
   * makes nothing but the list.
   */
  covering(address: Address): IndexEntry[] {
    const found: IndexEntry[] = [];
    const { steps } = address;
    let node: Node | undefined = this.#root;
    for (let at = 0; node !== undefined; node = at < steps.length ? node.children.get(steps[at++]!) : undefined) {
      for (const entry of node.exact.values()) found.push(entry);
      // An entry with wildcards is the same object in both places; its own text lies further down the path.
      for (const entry of node.wild.values())
        if (covers(entry.address, address) && !isOnPath(entry.address, steps)) found.push(entry);
    }
    return found;
  }

  /** Yields all entries that may overlap: those on the path to the address, and those below it. */
  *#mayOverlap(address: Address): Generator<IndexEntry> {
    const path = [...this.#pathTo(address.fixedSteps)];
    const isWhole = path.length > address.fixedSteps.length;
    const last = isWhole ? path.pop() : undefined;
    for (const { exact, wild } of path) {
      yield* exact.values();
      yield* wild.values();
    }
    if (last) yield* allIn(last);
  }

  /** Yields the nodes on the path along the steps, as far as they exist. */
  *#pathTo(steps: readonly string[]): Generator<Node> {
    let node: Node | undefined = this.#root;
    for (let at = 0; node !== undefined; at++) {
      yield node;
      if (at === steps.length) return;
      node = node.children.get(steps[at]!);
    }
  }

  #make(steps: readonly string[]): Node {
    let node = this.#root;
    for (const step of steps) {
      let next = node.children.get(step);
      if (!next) node.children.set(step, (next = newNode()));
      node = next;
    }
    return node;
  }

  /** Removes an entry from the node at the end of the steps, and then removes the nodes that are empty. */
  #take(steps: readonly string[], take: (node: Node) => void): void {
    const path = [this.#root];
    for (const step of steps) {
      const next = path.at(-1)!.children.get(step);
      if (!next) return;
      path.push(next);
    }
    take(path.at(-1)!);
    for (let at = steps.length; at > 0; at--) {
      const { children, exact, wild } = path[at]!;
      if (children.size + exact.size + wild.size > 0) return;
      path[at - 1]!.children.delete(steps[at - 1]!);
    }
  }
}

/** Whether an address, read as plain text, names one of the places along the steps. */
const isOnPath = ({ steps: own }: Address, steps: readonly string[]): boolean =>
  own.length <= steps.length && own.every((step, i) => step === steps[i]);

const keyOf = ({ owner, address }: IndexEntry): string => `${owner}\0${address.text}`;

/** Uses a list instead of recursion: a path of thousands of names must not overflow the stack. */
function* allIn(start: Node): Generator<IndexEntry> {
  const left = [start];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    yield* node.exact.values();
    yield* node.wild.values();
    for (const child of node.children.values()) left.push(child);
  }
}
