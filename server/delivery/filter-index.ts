import { isGlob, type Filter, type Matchable, type RecordField } from '../../protocol/index.js';
import { PrefixTree } from './prefix-tree.js';

/** What the index holds: anything with a filter. */
interface Filtered {
  readonly filter: Filter;
}

/** The fields by which a filter is filed, the one that leaves the fewest candidates first. */
const SELECTIVE_FIRST: readonly RecordField[] = ['ids', 'run_ids', 'addresses', 'branches', 'kinds'];

/**
 * Finds the few filters that a record may match without asking all of them. Each filter is filed under one of its
 * fields: an exact value, or the literal beginning of an address. What the index yields are candidates: the filter itself
 * decides.
 */
export class FilterIndex<T extends Filtered> {
  readonly #exact: Readonly<Record<RecordField, Map<string, T | Set<T>>>> = {
    ids: new Map(),
    run_ids: new Map(),
    branches: new Map(),
    addresses: new Map(),
    kinds: new Map(),
  };
  readonly #globs = new PrefixTree<T>();
  readonly #unfiled = new Set<T>();

  add(item: T): void {
    const place = placeOf(item.filter);
    switch (place.by) {
      case 'everything':
        this.#unfiled.add(item);
        return;
      case 'addresses':
        for (const pattern of place.values) {
          if (isGlob(pattern)) this.#globs.add(literalBeginning(pattern), item);
          // A pattern also stands for the address that is the same text.
          insert(this.#exact.addresses, pattern, item);
        }
        return;
      default:
        for (const value of place.values) insert(this.#exact[place.by], value, item);
    }
  }

  delete(item: T): void {
    const place = placeOf(item.filter);
    switch (place.by) {
      case 'everything':
        this.#unfiled.delete(item);
        return;
      case 'addresses':
        for (const pattern of place.values) {
          if (isGlob(pattern)) this.#globs.delete(literalBeginning(pattern), item);
          remove(this.#exact.addresses, pattern, item);
        }
        return;
      default:
        for (const value of place.values) remove(this.#exact[place.by], value, item);
    }
  }

  /** Calls `visit` at least once for every item whose filter may match. */
  eachCandidate(record: Matchable, visit: (item: T) => void): void {
    this.#unfiled.forEach(visit);
    visitAll(this.#exact.ids.get(record.id), visit);
    visitAll(this.#exact.kinds.get(record.kind), visit);
    if (record.runId !== undefined) visitAll(this.#exact.run_ids.get(record.runId), visit);
    if (record.branch !== undefined) visitAll(this.#exact.branches.get(record.branch), visit);
    if (record.addresses.length === 0) return;
    for (const address of record.addresses) visitAll(this.#exact.addresses.get(address), visit);
    this.#globs.eachPrefixOf(record.addresses, visit);
  }
}

type Place =
  | { readonly by: RecordField; readonly values: readonly string[] }
  | { readonly by: 'everything'; readonly values: readonly [] };

function placeOf(filter: Filter): Place {
  for (const field of SELECTIVE_FIRST) {
    const values = filter[field];
    if (values) return { by: field, values };
  }
  return { by: 'everything', values: [] };
}

// Quotes are taken off by picomatch.
const SPECIAL = /[*?+@!|()[\]{}\\"]/;

/** What every text that a glob matches begins with. */
function literalBeginning(glob: string): string {
  // picomatch passes over a leading `./`, and reads a bar outside of any brackets as "or".
  if (glob.startsWith('./') || glob.includes('|')) return '';
  const literal = glob.slice(0, glob.search(SPECIAL));
  // `src/**` also matches `src`.
  return literal.endsWith('/') ? literal.slice(0, -1) : literal;
}

// A value that one item asks for holds the item itself: with a filter for each of many thousand subscriptions, a set
// for each would be a tenth of what they take.

function visitAll<T extends object>(found: T | Set<T> | undefined, visit: (item: T) => void): void {
  if (found === undefined) return;
  if (found instanceof Set) found.forEach(visit);
  else visit(found);
}

function insert<T extends object>(items: Map<string, T | Set<T>>, value: string, item: T): void {
  const found = items.get(value);
  if (found === undefined) items.set(value, item);
  else if (found instanceof Set) found.add(item);
  else if (found !== item) items.set(value, new Set([found, item]));
}

function remove<T extends object>(items: Map<string, T | Set<T>>, value: string, item: T): void {
  const found = items.get(value);
  if (found instanceof Set) {
    found.delete(item);
    if (found.size === 0) items.delete(value);
  } else if (found === item) {
    items.delete(value);
  }
}
