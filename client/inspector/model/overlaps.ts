import { AddressIndex, parseAddress, type Address } from '../../../protocol/index.js';

/** A span of time, Unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A time in which two runs hold the same. */
export interface Overlap extends Span {
  /** Whether they meet only in a merge, because they are on different branches. */
  readonly isMergeOnly: boolean;
}

export interface SpannedLease extends Span {
  readonly key: string;
  readonly run: string;
  /** Empty if the record names none. */
  readonly branch: string;
  readonly addresses: readonly string[];
}

/** Each lease is compared with at most this many others at one address. */
const MAX_RIVALS = 48;
/** When there are so many more addresses than leases now have, those of leases that have gone are forgotten. */
const MAX_STALE = 5_000;

/**
 * Finds when leases held what others held too, by the model of addresses that also decides about conflicts: a file and a symbol in it, a
 * directory and what is below it. The model of the swarm knows only the present; this also has leases that have ended.
 */
export class LeaseOverlaps {
  #index = new AddressIndex();
  /** By their spelling in records; `undefined` for what is no address. */
  readonly #addresses = new Map<string, Address | undefined>();
  /** How many of them the leases had last. */
  #used = 0;

  /** Returns the overlaps of the shown leases with any of all. The spans of each lease are merged. */
  between(shown: readonly SpannedLease[], all: readonly SpannedLease[]): Map<string, Overlap[]> {
    if (this.#addresses.size > 2 * this.#used + MAX_STALE) this.#forget();
    const holders = new Map<string, SpannedLease[]>();
    for (const lease of all)
      for (const { text } of this.#addressesOf(lease)) {
        const own = holders.get(text);
        if (own) own.push(lease);
        else holders.set(text, [lease]);
      }
    this.#used = holders.size;
    const rivals = new Map<string, readonly SpannedLease[]>();
    const found = new Map<string, Overlap[]>();
    for (const lease of shown) {
      const overlaps: Overlap[] = [];
      for (const address of this.#addressesOf(lease)) {
        let others = rivals.get(address.text);
        if (!others) rivals.set(address.text, (others = this.#holdersAt(address, holders)));
        overlaps.push(...overlapsOf(lease, others));
      }
      if (overlaps.length > 0) found.set(lease.key, mergeOverlaps(overlaps));
    }
    return found;
  }

  /** Returns the leases that hold an address or a part of it, by their beginning. */
  #holdersAt(address: Address, holders: ReadonlyMap<string, readonly SpannedLease[]>): readonly SpannedLease[] {
    const at = [...this.#index.overlapping(address)].flatMap((entry) => holders.get(entry.address.text) ?? []);
    return at.sort((a, b) => a.fromMs - b.fromMs);
  }

  #addressesOf({ addresses }: SpannedLease): readonly Address[] {
    const found: Address[] = [];
    for (const spelling of addresses) {
      let address = this.#addresses.get(spelling);
      if (address === undefined && !this.#addresses.has(spelling)) {
        const parsed = parseAddress(spelling);
        if (parsed.ok) this.#index.add('', (address = parsed.address));
        this.#addresses.set(spelling, address);
      }
      if (address) found.push(address);
    }
    return found;
  }

  #forget(): void {
    this.#index = new AddressIndex();
    this.#addresses.clear();
  }
}

function overlapsOf(lease: SpannedLease, others: readonly SpannedLease[]): Overlap[] {
  const found: Overlap[] = [];
  for (const other of others) {
    if (other.fromMs >= lease.toMs || found.length === MAX_RIVALS) break;
    if (other.toMs <= lease.fromMs) continue;
    const isOwn = other.run === lease.run && other.branch === lease.branch;
    if (isOwn) continue;
    found.push({
      fromMs: Math.max(lease.fromMs, other.fromMs),
      toMs: Math.min(lease.toMs, other.toMs),
      isMergeOnly: !mayShareBranch(lease.branch, other.branch),
    });
  }
  return found;
}

/** A lease without a branch may be on any. */
const mayShareBranch = (a: string, b: string): boolean => a === '' || b === '' || a === b;

/** Merges those of a kind; a collision comes after what it may lie on. */
export const mergeOverlaps = (overlaps: readonly Overlap[]): Overlap[] =>
  [true, false].flatMap((isMergeOnly) =>
    mergeSpans(overlaps.filter((one) => one.isMergeOnly === isMergeOnly)).map((span) => ({ ...span, isMergeOnly })),
  );

export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last && span.fromMs <= last.toMs) merged[merged.length - 1] = { ...last, toMs: Math.max(last.toMs, span.toMs) };
    else merged.push(span);
  }
  return merged;
}
