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
  const holders = new Map<string, Map<string, Lease>>();
  for (const lease of leases) {
    if (!isHeld(lease)) continue;
    for (const address of lease.addresses) {
      const place = `${lease.branch}\0${address}`;
      const runs = holders.get(place);
      if (!runs) holders.set(place, new Map([[lease.run, lease]]));
      else if ((runs.get(lease.run)?.startMs ?? Infinity) > lease.startMs) runs.set(lease.run, lease);
    }
  }
  const contests: Contest[] = [];
  for (const [place, runs] of holders) {
    if (runs.size < 2) continue;
    const [branch, address] = place.split('\0') as [string, string];
    contests.push({ address, branch, leases: [...runs.values()].sort((a, b) => a.startMs - b.startMs) });
  }
  return contests.sort((a, b) => b.leases.length - a.leases.length || (a.address < b.address ? -1 : 1));
}
