import { isHeld, type Lease } from './lease.js';

/** One address on one branch that more than one run holds. */
export interface Contest {
  readonly address: string;
  readonly branch: string;
  /** One lease of each run, the earliest first. */
  readonly leases: readonly Lease[];
}

/** Two runs on different branches do not contend: they will meet in a merge, not in a file. */
export function contestsOf(leases: readonly Lease[]): Contest[] {
  // Almost every place has one holder: a list is made only for the others.
  const first = new Map<string, Map<string, Lease>>();
  const contested = new Map<string, Set<Lease>>();
  for (const lease of leases) {
    if (!isHeld(lease)) continue;
    let places = first.get(lease.branch);
    if (!places) first.set(lease.branch, (places = new Map<string, Lease>()));
    for (const address of lease.addresses) {
      const holder = places.get(address);
      if (holder === undefined) places.set(address, lease);
      else if (holder !== lease) note(contested, placeOf(lease.branch, address), holder, lease);
    }
  }
  const contests: Contest[] = [];
  for (const [place, own] of contested) {
    const runs = new Map<string, Lease>();
    for (const lease of [...own].sort((a, b) => a.startMs - b.startMs))
      if (!runs.has(lease.run)) runs.set(lease.run, lease);
    if (runs.size < 2) continue;
    const [branch, address] = place.split('\0') as [string, string];
    contests.push({ address, branch, leases: [...runs.values()] });
  }
  return contests.sort((a, b) => b.leases.length - a.leases.length || (a.address < b.address ? -1 : 1));
}

/** A name for an address of a branch. */
export const placeOf = (branch: string, address: string): string => `${branch}\0${address}`;

function note(contested: Map<string, Set<Lease>>, place: string, ...leases: readonly Lease[]): void {
  const own = contested.get(place) ?? new Set<Lease>();
  for (const lease of leases) own.add(lease);
  contested.set(place, own);
}
