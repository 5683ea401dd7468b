import { isGlob, type Filter, type Matchable, type RecordField } from '../../protocol/index.js';
import { PrefixTree } from './prefix-tree.js';

/** An item of the index. */
interface Filtered {
  readonly filter: Filter;
}

/** The fields by which a filter is indexed, the one with the fewest candidates first. */
const SELECTIVE_FIRST: readonly RecordField[] = ['ids', 'run_ids', 'addresses', 'branches', 'kinds'];

/**
 * Finds the few filters that a record may match, without testing all of them. Each filter is indexed by one of its fields: by
 * exact values, or by the literal beginning of an address. The index yields candidates only; the filter itself decides.
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
          // A pattern also matches the address that is the same text.
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

  /** Calls `visit` at least once for each item whose filter may match. */
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

// Quotes are special because picomatch removes them.
const SPECIAL = /[*?+@!|()[\]{}\\"]/;

/** Returns a prefix of every text that the glob matches. */
function literalBeginning(glob: string): string {
  // picomatch skips a leading `./`, and treats a bar outside of brackets as "or".
  if (glob.startsWith('./') || glob.includes('|')) return '';
  const literal = glob.slice(0, glob.search(SPECIAL));
  // `src/**` also matches `src`.
  return literal.endsWith('/') ? literal.slice(0, -1) : literal;
}

// A value with one item maps to the item itself. With many thousand subscriptions that each have their own filter, one set per
// value would take a tenth of their memory.

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
