import type { Address } from './address.js';
import type { AddressIndex, IndexEntry } from './address-index.js';
import type { Intent } from './intents.js';
import { isHeld, type Lease } from './leases.js';
import { covers } from './overlap.js';

/** One side of a conflict. As in Muse's forecast, a run on two branches is two sides. */
export interface Party {
  readonly run: string | undefined;
  readonly branch: string | undefined;
  /** Id of the reservation or intent that makes it a party. */
  readonly record: string;
  /** The address in that record: the conflict's address, or one that covers it. */
  readonly address: string;
  readonly operation: string | undefined;
}

/**
 * Two runs on overlapping addresses, in the terms of Muse's `forecast`.
 * - `address_overlap`: both have leases. On one branch that is a _collision_, on different branches a _merge risk_.
 * - `operation_conflict`: both have announced work, and the one excludes the other: delete against modify, rename or extract.
 */
export interface Conflict {
  readonly type: 'address_overlap' | 'operation_conflict';
  readonly severity: 'collision' | 'merge-risk';
  /** The value that Muse's forecast gives. */
  readonly confidence: number;
  /** The narrowest of the parties' addresses. */
  readonly address: string;
  /** At least two, ordered by run and branch. Each pair of run and branch occurs once. */
  readonly parties: readonly Party[];
  /** Whether there are more than {@link MAX_PARTIES}. */
  readonly hasMore: boolean;
}

/** The most parties that are listed: a conflict of a hundred agents needs no longer list. */
const MAX_PARTIES = 100;
const OVERLAP_CONFIDENCE = 1;
const OPERATION_CONFIDENCE = 0.9;
const EXCLUDED_BY_DELETE: ReadonlySet<string> = new Set(['modify', 'rename', 'extract']);

/** Returns a key for one side. Runs and branches have no line ends in any case that matters. */
export const sideOf = (run: string | undefined, branch: string | undefined): string => `${run ?? ''}\n${branch ?? ''}`;

/**
 * Returns the conflicts between leases. @param index the addresses of reservations; their owners are ids. @param lease returns the lease of
 * an id.
 */
export function addressOverlaps(
  leases: readonly Lease[],
  index: AddressIndex,
  lease: (id: string) => Lease | undefined,
): Conflict[] {
  const found = new Map<string, Conflict>();
  const asked = new Set<string>();
  for (const { addresses } of leases.filter(isHeld)) {
    for (const address of addresses) {
      if (asked.has(address.text)) continue;
      asked.add(address.text);
      const entries = meetingAt(index, address);
      if (entries.length < 2) continue;
      const parties = new PartyList();
      for (const entry of entries) {
        const other = lease(entry.owner);
        if (!other || !isHeld(other)) continue;
        const { run, branch, operation } = other;
        parties.add({ run, branch, record: entry.owner, address: entry.address.text, operation });
        if (parties.isFull) break;
      }
      if (parties.size > 1) found.set(address.text, parties.toConflict('address_overlap', address.text));
    }
  }
  return sorted(found);
}

/**
 * Returns the entries that conflict at an address. A conflict is reported at the narrower of two addresses; of two patterns, at the one
 * later in the alphabet.
 */
function meetingAt(index: AddressIndex, address: Address): IndexEntry[] {
  if (address.kind !== 'pattern') return index.covering(address);
  return [...index.overlapping(address)].filter((entry) => {
    const { kind, text } = entry.address;
    const isNarrower = kind === 'pattern' ? text > address.text : covers(address, entry.address);
    return text === address.text || !isNarrower;
  });
}

/**
 * Returns the conflicts between intents. @param index the addresses of intents that are not done. @param intent returns the intent of an id
 * if it is not done.
 */
export function operationConflicts(
  intents: readonly Intent[],
  index: AddressIndex,
  intent: (id: string) => Intent | undefined,
): Conflict[] {
  const found = new Map<string, Conflict>();
  for (const deleting of intents) {
    if (deleting.operation !== 'delete') continue;
    for (const address of deleting.addresses) {
      const byPlace = new Map<string, PartyList>();
      for (const entry of index.overlapping(address)) {
        const other = intent(entry.owner);
        if (!other || !EXCLUDED_BY_DELETE.has(other.operation ?? '')) continue;
        if (sideOf(other.run, other.branch) === sideOf(deleting.run, deleting.branch)) continue;
        const place = covers(address, entry.address) ? entry.address.text : address.text;
        const parties = byPlace.get(place) ?? new PartyList();
        byPlace.set(place, parties);
        parties.add(partyOf(deleting, address));
        if (!parties.isFull) parties.add(partyOf(other, entry.address));
      }
      for (const [place, parties] of byPlace) {
        for (const party of found.get(place)?.parties ?? []) if (!parties.isFull) parties.add(party);
        found.set(place, parties.toConflict('operation_conflict', place));
      }
    }
  }
  return sorted(found);
}

const partyOf = ({ run, branch, id, operation }: Intent, { text }: Address): Party => ({
  run,
  branch,
  record: id,
  address: text,
  operation,
});

/** Orders collisions before merge risks, then the most parties first, then by address. */
function sorted(conflicts: ReadonlyMap<string, Conflict>): Conflict[] {
  return [...conflicts.values()].sort(
    (a, b) =>
      Number(a.severity === 'merge-risk') - Number(b.severity === 'merge-risk') ||
      b.parties.length - a.parties.length ||
      (a.address < b.address ? -1 : 1),
  );
}

class PartyList {
  readonly #parties = new Map<string, Party>();

  get size(): number {
    return this.#parties.size;
  }

  get isFull(): boolean {
    return this.#parties.size > MAX_PARTIES;
  }

  /** If one side has several records, the one with the smallest id is named, whatever their order. */
  add(party: Party): void {
    const side = sideOf(party.run, party.branch);
    const known = this.#parties.get(side);
    if (!known || party.record < known.record) this.#parties.set(side, party);
  }

  toConflict(type: Conflict['type'], address: string): Conflict {
    const order = [...this.#parties].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, party]) => party);
    return {
      type,
      severity: shareBranch(order) ? 'collision' : 'merge-risk',
      confidence: type === 'address_overlap' ? OVERLAP_CONFIDENCE : OPERATION_CONFIDENCE,
      address,
      parties: order.slice(0, MAX_PARTIES),
      hasMore: order.length > MAX_PARTIES,
    };
  }
}

/** Whether two parties are, or may be, on one branch: a missing branch may be any. */
function shareBranch(parties: readonly Party[]): boolean {
  const branches = parties.map(({ branch }) => branch);
  return branches.includes(undefined) || new Set(branches).size < branches.length;
}
