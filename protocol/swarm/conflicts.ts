import type { Address } from './address.js';
import type { AddressIndex, IndexEntry } from './address-index.js';
import type { Intent } from './intents.js';
import { isHeld, type Lease } from './leases.js';
import { covers } from './overlap.js';

/** One side of a conflict. As in Muse's forecast, a run on two branches is two sides. */
export interface Party {
  readonly run: string | undefined;
  readonly branch: string | undefined;
  /** Id of the record, a reservation or an intent, that makes it one. */
  readonly record: string;
  /** The address as that record has it: the same, or one that covers it. */
  readonly address: string;
  readonly operation: string | undefined;
}

/**
 * Two runs on overlapping addresses, as Muse's `forecast` calls it.
 * - `address_overlap`: both have leases. On one branch that is a _collision_, on different ones a _merge risk_.
 * - `operation_conflict`: both have announced work that excludes the other's: delete against modify, rename or extract.
 */
export interface Conflict {
  readonly type: 'address_overlap' | 'operation_conflict';
  readonly severity: 'collision' | 'merge-risk';
  /** As Muse's forecast says it. */
  readonly confidence: number;
  /** The narrowest of the addresses. */
  readonly address: string;
  /** At least two, each run and branch once, ordered by run and branch. */
  readonly parties: readonly Party[];
  /** Whether there are more than {@link MAX_PARTIES}. */
  readonly hasMore: boolean;
}

/** More are not listed: what a hundred agents contend for needs no longer list. */
export const MAX_PARTIES = 100;
const OVERLAP_CONFIDENCE = 1;
const OPERATION_CONFIDENCE = 0.9;
const EXCLUDED_BY_DELETE: ReadonlySet<string> = new Set(['modify', 'rename', 'extract']);

/** A name for one side: runs and branches are texts without line ends in any case that matters. */
export const sideOf = (run: string | undefined, branch: string | undefined): string => `${run ?? ''}\n${branch ?? ''}`;

/** @param index the addresses of reservations; their owners are ids. @param lease the lease of an id. */
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
      const parties = new PartyList();
      for (const entry of meetingAt(index, address)) {
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

/** A conflict is told at the narrower address; of two patterns, at the later in the alphabet. */
function* meetingAt(index: AddressIndex, address: Address): Generator<IndexEntry> {
  if (address.kind !== 'pattern') {
    yield* index.covering(address);
    return;
  }
  for (const entry of index.overlapping(address)) {
    const { kind, text } = entry.address;
    const isNarrower = kind === 'pattern' ? text > address.text : covers(address, entry.address);
    if (text === address.text || !isNarrower) yield entry;
  }
}

/** @param index the addresses of intents that are not done. @param intent the intent of an id, where it is not. */
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

/** The most crowded first, then by address. */
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

  /** Of several records of one side the one with the smallest id is named, whatever the order they come in. */
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

/** Whether two of them are, or may be, on one branch: one that is not said may be any. */
function shareBranch(parties: readonly Party[]): boolean {
  const branches = parties.map(({ branch }) => branch);
  return branches.includes(undefined) || new Set(branches).size < branches.length;
}
